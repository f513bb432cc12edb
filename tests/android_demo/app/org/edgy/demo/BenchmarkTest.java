package org.edgy.demo;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertTrue;

import java.io.File;
import java.nio.file.Files;
import org.edgy.android.EdgyEncoder;
import org.edgy.android.EdgyException;
import org.edgy.android.Inference;
import org.edgy.android.ModelInfo;
import org.junit.Test;

/** The app's logic on the released model's geometry. */
public class BenchmarkTest {
    private static final class Counting implements Inference {
        int runs;
        int closed;

        @Override
        public void run(float[] window, int[] codes) {
            runs++;
        }

        @Override
        public void close() {
            closed++;
        }
    }

    private static ModelInfo info() throws Exception {
        return ModelInfo.read(Files.readAllBytes(new File(System.getProperty("edgy.model")).toPath()));
    }

    @Test
    public void eachFrameRunsTheModelOnceAndEveryEncoderIsClosed() throws Exception {
        final ModelInfo info = info();
        final Counting counting = new Counting();
        Benchmark found = Benchmark.run(new Benchmark.Loader() {
            @Override
            public EdgyEncoder load() throws EdgyException {
                return new EdgyEncoder(info, counting);
            }
        }, 16);
        int frames = 7 + 100; // 160 ms each: one second of warm-up, rounded up, and 16 s
        assertEquals(info.warmUp + frames, counting.runs);
        assertEquals(5, counting.closed);
        assertEquals(160, found.frameMs, 0);
        assertTrue(found.encode.min <= found.encode.mean && found.encode.min <= found.encode.p95);
        assertEquals(found.encode.mean / 160, found.realTimeFactor, 1e-12);
    }

    @Test
    public void withoutAServerASessionEncodesAllTheSame() throws Exception {
        EdgyEncoder encoder = new EdgyEncoder(info(), new Counting());
        Session session = new Session(encoder, null, org.edgy.android.Level.TEXT, null, true);
        session.write(new short[5000], 4000);
        session.write(new short[5000], 4001);
        session.end();
        assertEquals("", session.id());
        assertEquals(26, session.codes()); // ceil(8001 / 320)
    }
}
