package org.edgy.demo;

import static org.junit.Assert.assertEquals;

import java.util.Arrays;
import org.junit.Test;

public class MeterTest {
    @Test
    public void fullScaleHalfAndSilence() {
        short[] pcm = new short[100];
        assertEquals(-60, Meter.decibels(pcm, 100), 0);
        assertEquals(-60, Meter.decibels(pcm, 0), 0);
        Arrays.fill(pcm, (short) -16384);
        assertEquals(-6.02, Meter.decibels(pcm, 100), 0.01);
        Arrays.fill(pcm, Short.MIN_VALUE);
        assertEquals(0, Meter.decibels(pcm, 100), 0);
        assertEquals(100, Meter.percent(0));
        assertEquals(50, Meter.percent(-30));
        assertEquals(0, Meter.percent(Meter.FLOOR_DB));
    }
}
