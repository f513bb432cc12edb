package org.edgy.android;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import org.junit.Test;

/** What Python's leveller makes of soft and loud speech, to the last bits of a float. */
public class LevellerTest {
    private static final int HOP = 160;

    private static FloatBuffer levelled() throws IOException {
        return ByteBuffer.wrap(Golden.bytes("levelled.floats")).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer();
    }

    @Test
    public void itIsPythons() throws IOException {
        short[] pcm = Golden.samples("uneven.pcm");
        FloatBuffer wanted = levelled();
        assertEquals(pcm.length, wanted.remaining());
        Leveller leveller = new Leveller(HOP);
        for (int round = 0; round < 2; round++) {
            int changed = 0;
            for (int i = 0; i < pcm.length; i++) {
                float sample = pcm[i] / 32768f;
                float found = leveller.next(sample);
                assertEquals(wanted.get(i), found, 1e-6);
                changed += Math.abs(found - sample) > 1e-3 ? 1 : 0;
            }
            assertTrue(changed > pcm.length / 10);
            leveller.reset();
        }
    }

    @Test
    public void aRingLevelsWhatItIsGivenAndNoSilence() throws IOException {
        short[] pcm = Golden.samples("uneven.pcm");
        FloatBuffer wanted = levelled();
        SampleRing ring = new SampleRing(1000, new Leveller(HOP));
        float[] window = new float[1000];
        for (int round = 0; round < 2; round++) {
            ring.clear();
            assertEquals(300, ring.appendSilence(300));
            assertEquals(700, ring.append(pcm, 0, pcm.length));
            ring.copyTo(window);
            for (int i = 0; i < window.length; i++) {
                assertEquals(i < 300 ? 0 : wanted.get(i - 300), window[i], 1e-6);
            }
        }
    }
}
