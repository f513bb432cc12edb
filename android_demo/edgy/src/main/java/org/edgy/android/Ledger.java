package org.edgy.android;

import java.io.ByteArrayOutputStream;
import java.io.Closeable;
import java.io.File;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.text.SimpleDateFormat;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Date;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/**
 * The disclosure ledger: what left this phone, when, of which kind, how many bytes, to whom. Sound never does.
 *
 * <p>A text file of one line a message, tabs between its fields. A message is recorded before it is sent, and what
 * cannot be recorded is not sent. Lines are not forced to the disk one by one: a killed process loses none, a power cut
 * at most the last ones. The newest messages are kept one by one; totals by day, kind, level and destination are kept
 * for good.
 *
 * <p>Bytes are those of messages: WebSocket framing, TLS and TCP come on top. Any thread may call it.
 */
public final class Ledger implements Closeable {
    static final String HEADER = "header";
    static final String CONTROL = "control";
    private static final int DETAIL = 10_000;

    /** A message that left. */
    public static final class Message {
        /** Milliseconds since 1970. */
        public final long time;
        /** {@code codes}, {@code end}, {@code speaker vector}, {@code header} or {@code control}. */
        public final String kind;
        public final int bytes;
        /** Id of the stream. */
        public final String stream;
        public final String level;
        public final String destination;

        Message(long time, String kind, int bytes, String stream, String level, String destination) {
            this.time = time;
            this.kind = kind;
            this.bytes = bytes;
            this.stream = stream;
            this.level = level;
            this.destination = destination;
        }
    }

    /** What left on one day, of one kind, at one level, to one destination. */
    public static final class Total {
        /** As {@code 2026-11-25}, by the phone's time zone. */
        public final String day;
        public final String kind;
        public final String level;
        public final String destination;
        public final long messages;
        public final long bytes;

        private Total(String key, long[] sums) {
            String[] fields = key.split("\t", -1);
            day = fields[0];
            kind = fields[1];
            level = fields[2];
            destination = fields[3];
            messages = sums[0];
            bytes = sums[1];
        }
    }

    private final File file;
    private final int detail;
    private final RandomAccessFile guard;
    private final ArrayDeque<Message> newest = new ArrayDeque<>();
    /** Messages and bytes by day, kind, level and destination, of what is not kept one by one any more. */
    private final TreeMap<String, long[]> older = new TreeMap<>();
    private final SimpleDateFormat day = new SimpleDateFormat("yyyy-MM-dd", Locale.ROOT);
    private RandomAccessFile out;
    private int lines;

    /**
     * The ledger in {@code file}, made where it is missing. Open it once and share it.
     *
     * @throws EdgyException.Storage it cannot be opened, is no ledger, or is open already.
     */
    public Ledger(File file) throws EdgyException.Storage {
        this(file, DETAIL);
    }

    Ledger(File file, int detail) throws EdgyException.Storage {
        this.file = file;
        this.detail = detail;
        guard = StateFiles.hold(new File(file.getPath() + ".lock"));
        try {
            out = new RandomAccessFile(file, "rw");
            read();
        } catch (IOException | NumberFormatException | IndexOutOfBoundsException error) {
            close();
            throw new EdgyException.Storage(file + " is no ledger that can be read; move it away", error);
        }
    }

    /** Record a packet that is about to leave; see {@link #record}. */
    void packet(byte[] packet, Utterance utterance, String destination) throws EdgyException.Storage {
        String kind;
        switch (packet[0] & 0xff) {
            case Packets.CODES:
            case Packets.CODES_ENTROPY:
                kind = "codes";
                break;
            case Packets.END:
                kind = "end";
                break;
            case Packets.SPEAKER:
                kind = "speaker vector";
                break;
            default:
                kind = CONTROL;
        }
        record(kind, packet.length, utterance, destination);
    }

    /**
     * Record a message of so many bytes that is about to leave.
     *
     * @throws EdgyException.Storage it cannot be recorded, so it must not leave.
     */
    synchronized void record(String kind, int bytes, Utterance utterance, String destination)
            throws EdgyException.Storage {
        Message message = new Message(
                System.currentTimeMillis(), kind, bytes, utterance.stream, utterance.level.toString(), destination);
        try {
            append(line(message));
        } catch (IOException error) {
            throw new EdgyException.Storage(
                    "the ledger cannot be written (" + error.getMessage() + "), so nothing is sent", error);
        }
        add(message);
        if (++lines > 2 * detail + older.size()) {
            rewrite();
        }
    }

    /** All totals, by day, kind, level and destination. */
    public synchronized List<Total> totals() {
        TreeMap<String, long[]> sums = new TreeMap<>();
        for (Map.Entry<String, long[]> entry : older.entrySet()) {
            sums.put(entry.getKey(), entry.getValue().clone());
        }
        for (Message message : newest) {
            count(sums, message);
        }
        List<Total> totals = new ArrayList<>();
        for (Map.Entry<String, long[]> entry : sums.entrySet()) {
            totals.add(new Total(entry.getKey(), entry.getValue()));
        }
        return totals;
    }

    /** The newest {@code limit} messages, oldest first. */
    public synchronized List<Message> messages(int limit) {
        List<Message> all = new ArrayList<>(newest);
        return all.subList(Math.max(0, all.size() - limit), all.size());
    }

    /** Close the file. */
    @Override
    public synchronized void close() {
        try {
            if (out != null) {
                out.close();
            }
            guard.close();
        } catch (IOException error) {
            // Every line was handed to the system when it was recorded.
        }
    }

    private void read() throws IOException {
        byte[] data = Streams.readAll(file);
        int end = data.length;
        while (end > 0 && data[end - 1] != '\n') {
            end--; // A line that a power cut has torn.
        }
        out.setLength(end);
        out.seek(end);
        if (end == 0) {
            return;
        }
        for (String line : new String(data, 0, end - 1, StandardCharsets.UTF_8).split("\n", -1)) {
            String[] f = line.split("\t", -1);
            if (f[0].equals("message") && f.length == 7) {
                add(new Message(Long.parseLong(f[1]), f[2], Integer.parseInt(f[3]), f[4], f[5], f[6]));
            } else if (f[0].equals("total") && f.length == 7) {
                String key = f[1] + "\t" + f[2] + "\t" + f[3] + "\t" + f[4];
                older.put(key, new long[] {Long.parseLong(f[5]), Long.parseLong(f[6])});
            } else {
                throw new IOException("not a line of a ledger: " + line);
            }
            lines++;
        }
    }

    private void append(byte[] line) throws IOException {
        long end = out.getFilePointer();
        try {
            out.write(line);
        } catch (IOException error) {
            out.setLength(end); // Half a line would spoil the next one.
            out.seek(end);
            throw error;
        }
    }

    private void add(Message message) {
        newest.add(message);
        if (newest.size() > detail) {
            count(older, newest.remove());
        }
    }

    private void count(Map<String, long[]> sums, Message message) {
        String date = day.format(new Date(message.time));
        String key = date + "\t" + message.kind + "\t" + message.level + "\t" + message.destination;
        long[] sum = sums.get(key);
        if (sum == null) {
            sum = new long[2];
            sums.put(key, sum);
        }
        sum[0]++;
        sum[1] += message.bytes;
    }

    /** Write the file anew without the lines that totals stand for. */
    private void rewrite() {
        try {
            ByteArrayOutputStream text = new ByteArrayOutputStream();
            for (Map.Entry<String, long[]> entry : older.entrySet()) {
                long[] sum = entry.getValue();
                String line = "total\t" + entry.getKey() + "\t" + sum[0] + "\t" + sum[1] + "\n";
                text.write(line.getBytes(StandardCharsets.UTF_8));
            }
            for (Message message : newest) {
                text.write(line(message));
            }
            StateFiles.replace(file, text.toByteArray());
            RandomAccessFile fresh = new RandomAccessFile(file, "rw");
            fresh.seek(fresh.length());
            out.close();
            out = fresh;
            lines = older.size() + newest.size();
        } catch (IOException error) {
            // The old file is still there and still written; the next message tries again.
        }
    }

    private static byte[] line(Message m) {
        String line = "message\t" + m.time + "\t" + m.kind + "\t" + m.bytes + "\t" + m.stream + "\t" + m.level + "\t"
                + m.destination + "\n";
        return line.getBytes(StandardCharsets.UTF_8);
    }
}
