package org.edgy.android;

import static org.junit.Assert.assertArrayEquals;
import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertTrue;
import static org.junit.Assert.fail;

import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.FileInputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Properties;
import java.util.Random;
import org.junit.Test;

/** The bytes of Python's writer, for streams of all shapes. */
public class StreamWriterTest {
    private static final StreamHeader HEADER = new StreamHeader("0123456789abcdef", 512, 16000, 320);

    private static final class Collected implements StreamWriter.Sink {
        final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        final List<Integer> sizes = new ArrayList<>();

        @Override
        public void take(byte[] data) {
            bytes.write(data, 0, data.length);
            sizes.add(data.length);
        }
    }

    @Test
    public void everyStreamIsPythons() throws IOException {
        Random random = new Random(0);
        String[] names = new File(Golden.FOLDER, "streams").list();
        int streams = 0;
        for (String name : names) {
            if (name.endsWith(".properties")) {
                streams++;
                String stem = "streams/" + name.replace(".properties", "");
                assertArrayEquals(name, Golden.bytes(stem + ".edgy"), written(stem, random));
            }
        }
        assertTrue(names.length + " files", streams > 50);
    }

    private static byte[] written(String stem, Random random) throws IOException {
        Properties p = new Properties();
        try (FileInputStream in = new FileInputStream(new File(Golden.FOLDER, stem + ".properties"))) {
            p.load(in);
        }
        StreamHeader header = new StreamHeader(
                p.getProperty("codebook_id"),
                Integer.parseInt(p.getProperty("codebook_size")),
                Integer.parseInt(p.getProperty("sample_rate")),
                Integer.parseInt(p.getProperty("samples_per_code")));
        Collected collected = new Collected();
        StreamWriter writer = new StreamWriter(collected, header, Integer.parseInt(p.getProperty("codes_per_packet")));
        int[] bits = Golden.numbersOf(p.getProperty("voice_bits"));
        if (bits.length > 0) {
            float[] voice = new float[bits.length];
            for (int i = 0; i < voice.length; i++) {
                voice[i] = Float.intBitsToFloat(bits[i]);
            }
            writer.writeSpeaker(voice);
        }
        int[] codes = Golden.numbers(stem + ".codes");
        for (int at = 0; at < codes.length; ) {
            int next = Math.min(codes.length, at + random.nextInt(60));
            writer.write(Arrays.copyOfRange(codes, at, next));
            at = next;
        }
        writer.close(Long.parseLong(p.getProperty("samples")));
        return collected.bytes.toByteArray();
    }

    @Test
    public void aPacketLeavesWhenItIsFull() {
        Collected collected = new Collected();
        StreamWriter writer = new StreamWriter(collected, HEADER, 10);
        writer.write(new int[9]);
        assertEquals(1, collected.sizes.size());
        writer.write(new int[12]);
        assertEquals(Arrays.asList(27, 24, 24), collected.sizes);
    }

    @Test
    public void whatIsNoStreamIsRefused() {
        final StreamWriter writer = new StreamWriter(new Collected(), HEADER, 10);
        refused(IllegalArgumentException.class, new Runnable() {
            @Override
            public void run() {
                writer.write(new int[] {1, 512});
            }
        });
        refused(IllegalArgumentException.class, new Runnable() {
            @Override
            public void run() {
                writer.write(new int[] {-1});
            }
        });
        refused(IllegalArgumentException.class, new Runnable() {
            @Override
            public void run() {
                writer.writeSpeaker(new float[] {Float.NaN});
            }
        });
        refused(IllegalStateException.class, new Runnable() {
            @Override
            public void run() {
                writer.close(1);
            }
        });
        writer.close(0);
        refused(IllegalStateException.class, new Runnable() {
            @Override
            public void run() {
                writer.write(new int[] {1});
            }
        });
    }

    private static void refused(Class<? extends Exception> kind, Runnable wrong) {
        try {
            wrong.run();
        } catch (RuntimeException error) {
            assertEquals(kind, error.getClass());
            return;
        }
        fail("it was accepted");
    }
}
