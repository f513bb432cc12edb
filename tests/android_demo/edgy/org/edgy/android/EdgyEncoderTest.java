package org.edgy.android;

import static org.junit.Assert.assertArrayEquals;
import static org.junit.Assert.assertEquals;
import static org.junit.Assert.fail;

import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.File;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Random;
import org.junit.Test;

/** The released model itself, run by Python's interpreter behind a pipe: the same recording, the same packets. */
public class EdgyEncoderTest {
    /** The interpreter of this machine, for there is none for Java here. */
    private static final class PipedInference implements Inference {
        private final Process process;
        private final OutputStream to;
        private final DataInputStream from;

        PipedInference() throws IOException {
            String python = System.getProperty("edgy.python");
            String model = System.getProperty("edgy.model");
            process = new ProcessBuilder(python, "-m", "tests.android_demo.interpreter", model)
                    .redirectError(ProcessBuilder.Redirect.INHERIT)
                    .start();
            to = process.getOutputStream();
            from = new DataInputStream(process.getInputStream());
        }

        @Override
        public void run(float[] window, int[] codes) {
            ByteBuffer bytes = ByteBuffer.allocate(4 * window.length).order(ByteOrder.LITTLE_ENDIAN);
            bytes.asFloatBuffer().put(window);
            byte[] answer = new byte[4 * codes.length];
            try {
                to.write(bytes.array());
                to.flush();
                from.readFully(answer);
            } catch (IOException error) {
                throw new UncheckedIOException(error);
            }
            ByteBuffer.wrap(answer).order(ByteOrder.LITTLE_ENDIAN).asIntBuffer().get(codes);
        }

        @Override
        public void close() {
            process.destroy();
        }
    }

    /** Gives each window codes that follow from all samples of it and of as many before it as the model remembers. */
    private static final class HashInference implements Inference {
        private final int[] before;

        HashInference(ModelInfo info) {
            before = new int[1 + info.warmUp];
        }

        @Override
        public void run(float[] window, int[] codes) {
            System.arraycopy(before, 0, before, 1, before.length - 1);
            before[0] = Arrays.hashCode(window);
            int hash = Arrays.hashCode(before);
            for (int i = 0; i < codes.length; i++) {
                codes[i] = hash >>> i & 511;
            }
        }

        @Override
        public void close() {}
    }

    private static byte[] model() throws IOException {
        return Streams.readAll(new File(System.getProperty("edgy.model")));
    }

    private static int[] encoded(EdgyEncoder encoder, short[] pcm, Random random, int longest) {
        int[] codes = new int[0];
        for (int at = 0; at < pcm.length; ) {
            int next = Math.min(pcm.length, at + random.nextInt(longest + 1));
            codes = joined(codes, encoder.process(Arrays.copyOfRange(pcm, at, next)));
            at = next;
        }
        return joined(codes, encoder.flush());
    }

    private static int[] joined(int[] first, int[] second) {
        int[] both = Arrays.copyOf(first, first.length + second.length);
        System.arraycopy(second, 0, both, first.length, second.length);
        return both;
    }

    @Test
    public void theRecordingGivesPythonsCodesAndPackets() throws IOException {
        ModelInfo info = ModelInfo.read(model());
        short[] pcm = Golden.samples("recording.pcm");
        final ByteArrayOutputStream packets = new ByteArrayOutputStream();
        EdgyEncoder encoder = new EdgyEncoder(info, new PipedInference());
        try {
            // Of another stream nothing is left.
            encoder.process(Arrays.copyOf(pcm, 7000));
            encoder.reset();
            int[] codes = encoded(encoder, pcm, new Random(2), 5000);
            assertArrayEquals(Golden.numbers("recording.codes"), codes);
            StreamWriter writer = new StreamWriter(new StreamWriter.Sink() {
                @Override
                public void take(byte[] data) {
                    packets.write(data, 0, data.length);
                }
            }, info.header(), StreamWriter.CODES_PER_PACKET);
            writer.write(codes);
            writer.close(pcm.length);
        } finally {
            encoder.close();
        }
        assertArrayEquals(Golden.bytes("recording.edgy"), packets.toByteArray());
    }

    @Test
    public void anyChunkingGivesTheSameCodes() throws IOException {
        ModelInfo info = ModelInfo.read(model());
        EdgyEncoder encoder = new EdgyEncoder(info, new HashInference(info));
        Random random = new Random(3);
        for (int round = 0; round < 60; round++) {
            short[] pcm = new short[random.nextInt(30000)];
            for (int i = 0; i < pcm.length; i++) {
                pcm[i] = (short) random.nextInt();
            }
            int[] whole = joined(encoder.process(pcm), encoder.flush());
            assertEquals((pcm.length + info.samplesPerCode - 1) / info.samplesPerCode, whole.length);
            int longest = new int[] {100, 1000, 2560, 40000}[round % 4];
            assertArrayEquals(whole, encoded(encoder, pcm, random, longest));
        }
    }

    @Test
    public void resetForgets() throws IOException {
        ModelInfo info = ModelInfo.read(model());
        EdgyEncoder encoder = new EdgyEncoder(info, new HashInference(info));
        short[] pcm = new short[9000];
        Arrays.fill(pcm, (short) 7);
        int[] once = joined(encoder.process(pcm), encoder.flush());
        encoder.process(new short[] {1, 2, 3});
        encoder.reset();
        assertArrayEquals(once, joined(encoder.process(pcm, 9000), encoder.flush()));
        assertEquals(0, encoder.flush().length);
    }

    @Test
    public void theModelSaysHowToFeedIt() throws IOException {
        ModelInfo info = ModelInfo.read(model());
        EdgyEncoder encoder = new EdgyEncoder(info, new HashInference(info));
        int[] said = {encoder.getSampleRate(), encoder.getFrameLength(), info.window, info.codebookSize};
        assertArrayEquals(Golden.numbers("model.txt"), said);
    }

    @Test
    public void whatIsNoEncoderIsRefused() throws IOException {
        byte[] model = model();
        Random random = new Random(4);
        refused(new byte[0]);
        refused(new byte[1000]);
        for (int i = 0; i < 200; i++) {
            refused(Arrays.copyOf(model, model.length - 1 - random.nextInt(i < 100 ? 600 : model.length - 1)));
        }
    }

    private static void refused(byte[] model) {
        try {
            ModelInfo.read(model);
            fail(model.length + " bytes were accepted");
        } catch (EdgyException.Model error) {
            // As it should be.
        }
    }
}
