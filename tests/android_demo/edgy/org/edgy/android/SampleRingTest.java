package org.edgy.android;

import static org.junit.Assert.assertArrayEquals;
import static org.junit.Assert.assertEquals;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.Test;

/** A ring holds what a plain list would. */
public class SampleRingTest {
    @Test
    public void itHoldsWhatAListWould() {
        Random random = new Random(1);
        for (int round = 0; round < 200; round++) {
            int capacity = 1 + random.nextInt(50);
            SampleRing ring = new SampleRing(capacity);
            List<Float> list = new ArrayList<>();
            for (int step = 0; step < 100; step++) {
                short[] pcm = new short[random.nextInt(2 * capacity)];
                int from = pcm.length == 0 ? 0 : random.nextInt(pcm.length);
                for (int i = 0; i < pcm.length; i++) {
                    pcm[i] = (short) random.nextInt();
                }
                int room = capacity - list.size();
                if (random.nextInt(4) == 0) {
                    assertEquals(Math.min(room, 3), ring.appendSilence(3));
                    for (int i = 0; i < Math.min(room, 3); i++) {
                        list.add(0f);
                    }
                } else {
                    int taken = ring.append(pcm, from, pcm.length);
                    assertEquals(Math.min(room, pcm.length - from), taken);
                    for (int i = 0; i < taken; i++) {
                        list.add(pcm[from + i] / 32768f);
                    }
                }
                assertEquals(list.size(), ring.size());
                if (ring.isFull()) {
                    float[] window = new float[capacity];
                    ring.copyTo(window);
                    for (int i = 0; i < capacity; i++) {
                        assertEquals(list.get(i), window[i], 0);
                    }
                    int dropped = random.nextInt(capacity + 1);
                    ring.drop(dropped);
                    list.subList(0, dropped).clear();
                }
            }
        }
    }

    @Test
    public void fullScaleIsOne() {
        SampleRing ring = new SampleRing(2);
        ring.append(new short[] {Short.MIN_VALUE, Short.MAX_VALUE}, 0, 2);
        float[] window = new float[2];
        ring.copyTo(window);
        assertArrayEquals(new float[] {-1f, 32767 / 32768f}, window, 0);
    }
}
