package org.edgy.android;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;

/** The level that the user has chosen, kept in a file; obeyed from the next utterance on. */
public final class ChosenLevel {
    private final File file;

    /** The choice in {@code file}, which is made where it is missing. */
    public ChosenLevel(File file) {
        this.file = file;
    }

    /** The level of an utterance that begins now; where none was chosen or it cannot be read, the most private. */
    public Level current() {
        try {
            return Level.parse(new String(Streams.readAll(file), StandardCharsets.UTF_8));
        } catch (IOException | IllegalArgumentException error) {
            return Level.TEXT;
        }
    }

    /**
     * Obey {@code level} from the next utterance on.
     *
     * @throws EdgyException.Storage the choice cannot be written; the one before stays.
     */
    public void choose(Level level) throws EdgyException.Storage {
        try {
            StateFiles.replace(file, level.toString().getBytes(StandardCharsets.UTF_8));
        } catch (IOException error) {
            throw new EdgyException.Storage("cannot write " + file + ": " + error.getMessage(), error);
        }
    }
}
