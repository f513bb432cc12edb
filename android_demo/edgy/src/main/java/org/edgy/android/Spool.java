package org.edgy.android;

import java.io.Closeable;
import java.io.File;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;

/**
 * The spool: every stream waits here, on disk and bounded, until the cloud has all of it.
 *
 * <p>A folder of {@code .edgy} files named {@code NUMBER.STREAM.LEVEL[.VOICE].edgy}, in the order of their numbers. A
 * packet is written before it is sent, so a killed process loses nothing: the next one ends the stream after its last
 * whole packet. A stream is forced to the disk when it ends, so a power cut loses at most the utterance that was being
 * spoken. Above the limit the oldest stream is dropped, and counted; so is a file that is damaged. What the disk
 * refuses is kept in memory, within the same limit.
 */
final class Spool implements Closeable {
    private static final String SUFFIX = ".edgy";
    /** Bytes of the shortest stream that holds a code. */
    private static final int LEAST = StreamHeader.SIZE + Packets.OVERHEAD + 2;

    private static final class Entry {
        final File file;
        final Level level;
        long size;
        Utterance utterance; // null: only on the disk, left behind by another process
        FileOutputStream out; // null: ended, or refused by the disk

        Entry(File file, Level level) {
            this.file = file;
            this.level = level;
        }
    }

    private final File folder;
    private final long limit;
    private final RandomAccessFile guard;
    private final LinkedHashMap<String, Entry> entries = new LinkedHashMap<>();
    private long next = 1;
    private int dropped;

    /**
     * The spool in {@code folder}, made where it is missing, of at most {@code limit} bytes.
     *
     * @throws EdgyException.Storage the folder cannot be used, or is in use.
     */
    Spool(File folder, long limit) throws EdgyException.Storage {
        this.folder = folder;
        this.limit = limit;
        guard = StateFiles.hold(new File(folder, ".lock"));
        String[] names = folder.list();
        Arrays.sort(names);
        for (String name : names) {
            find(name);
        }
        makeRoom();
    }

    /** Streams that wait. */
    synchronized int size() {
        return entries.size();
    }

    /** Streams given up because the spool was full, or because they were damaged. */
    synchronized int dropped() {
        return dropped;
    }

    /** A new utterance at the end of the queue. */
    synchronized Utterance begin(Level level, boolean speech) {
        Utterance utterance = new Utterance(level, speech);
        String kind = level.toString().replace(':', '.');
        String name = String.format(Locale.ROOT, "%012d.%s.%s%s", next++, utterance.stream, kind, SUFFIX);
        Entry entry = new Entry(new File(folder, name), level);
        entry.utterance = utterance;
        try {
            entry.out = new FileOutputStream(entry.file);
        } catch (IOException error) {
            discard(entry);
        }
        entries.put(utterance.stream, entry);
        notifyAll();
        return utterance;
    }

    /** Keep the next bytes of an utterance: its header, then its packets one by one. */
    synchronized void append(Utterance utterance, byte[] data) {
        Entry entry = entries.get(utterance.stream);
        if (entry == null) {
            return; // dropped, or rejected while it was being spoken
        }
        try {
            if (entry.out != null) {
                entry.out.write(data);
            }
        } catch (IOException error) {
            discard(entry);
        }
        entry.size += data.length;
        utterance.append(data);
        if (utterance.isEnded() && entry.out != null) {
            finish(entry);
        }
        makeRoom();
    }

    /** The oldest utterance, as soon as there is one; damaged files are dropped on the way. */
    synchronized Utterance head() throws InterruptedException {
        while (true) {
            while (!entries.isEmpty()) {
                Map.Entry<String, Entry> oldest = entries.entrySet().iterator().next();
                Entry entry = oldest.getValue();
                if (entry.utterance != null) {
                    return entry.utterance;
                }
                try {
                    entry.utterance = Utterance.fromBytes(Streams.readAll(entry.file), entry.level, oldest.getKey());
                    return entry.utterance;
                } catch (IOException error) {
                    drop(oldest.getKey());
                }
            }
            wait();
        }
    }

    /** Wait so long, or until somebody speaks again: who speaks now should not wait for an old failure. */
    synchronized void pause(long milliseconds) throws InterruptedException {
        wait(milliseconds);
    }

    /** Whether the utterance still waits. */
    synchronized boolean holds(Utterance utterance) {
        return entries.containsKey(utterance.stream);
    }

    /** Forget an utterance that has arrived, or that the cloud will never take. */
    synchronized void done(Utterance utterance) {
        Entry entry = entries.remove(utterance.stream);
        if (entry != null) {
            discard(entry);
        }
    }

    /** Let another use the folder; what waits stays in it. */
    @Override
    public synchronized void close() {
        for (Entry entry : entries.values()) {
            finish(entry);
        }
        try {
            guard.close();
        } catch (IOException error) {
            // Nothing was written to it.
        }
    }

    private void find(String name) {
        String[] parts = name.split("\\.");
        if (!name.endsWith(SUFFIX) || parts.length < 4 || parts.length > 5) {
            return;
        }
        try {
            long number = Long.parseLong(parts[0]);
            Entry entry = new Entry(
                    new File(folder, name), Level.parse(parts.length == 5 ? parts[2] + ":" + parts[3] : parts[2]));
            entry.size = entry.file.length();
            next = Math.max(next, number + 1);
            if (entry.size < LEAST) {
                entry.file.delete(); // killed before its first packet
            } else {
                entries.put(parts[1], entry);
            }
        } catch (IllegalArgumentException error) {
            // A name that is none of ours.
        }
    }

    private void makeRoom() {
        long used = 0;
        for (Entry entry : entries.values()) {
            used += entry.size;
        }
        while (used > limit) {
            Map.Entry<String, Entry> oldest = entries.entrySet().iterator().next();
            used -= oldest.getValue().size;
            drop(oldest.getKey());
        }
    }

    private void drop(String stream) {
        Entry entry = entries.remove(stream);
        if (entry.utterance != null) {
            entry.utterance.drop();
        }
        discard(entry);
        dropped++;
    }

    private void finish(Entry entry) {
        if (entry.out == null) {
            return;
        }
        try {
            entry.out.getFD().sync();
            entry.out.close();
            entry.out = null;
        } catch (IOException error) {
            discard(entry);
        }
    }

    /** Nothing of the utterance stays on the disk: half a file must never be taken for a whole one. */
    private static void discard(Entry entry) {
        try {
            if (entry.out != null) {
                entry.out.close();
            }
        } catch (IOException error) {
            // It is deleted next.
        }
        entry.out = null;
        entry.file.delete();
    }
}
