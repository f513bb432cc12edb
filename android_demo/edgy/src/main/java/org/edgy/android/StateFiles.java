package org.edgy.android;

import java.io.File;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.StandardCopyOption;

/** Files that outlive the process. */
final class StateFiles {
    private StateFiles() {}

    /** Write a whole file, so that after a power cut there is the old one or the new one. */
    static void replace(File file, byte[] data) throws IOException {
        Files.createDirectories(file.getAbsoluteFile().getParentFile().toPath());
        File temporary = new File(file.getPath() + ".new");
        try (FileOutputStream out = new FileOutputStream(temporary)) {
            out.write(data);
            out.getFD().sync();
        }
        Files.move(temporary.toPath(), file.toPath(), StandardCopyOption.ATOMIC_MOVE);
    }

    /**
     * Open {@code file} and hold it for this object alone, until it is closed.
     *
     * @throws EdgyException.Storage it cannot be made, or another holds it.
     */
    static RandomAccessFile hold(File file) throws EdgyException.Storage {
        try {
            Files.createDirectories(file.getAbsoluteFile().getParentFile().toPath());
            RandomAccessFile held = new RandomAccessFile(file, "rw");
            FileLock lock = null;
            try {
                lock = held.getChannel().tryLock();
            } catch (OverlappingFileLockException error) {
                // In this process; told below.
            }
            if (lock == null) {
                held.close();
                throw new IOException("it is in use; open it once and share it");
            }
            return held;
        } catch (IOException error) {
            throw new EdgyException.Storage("cannot use " + file + ": " + error.getMessage(), error);
        }
    }
}
