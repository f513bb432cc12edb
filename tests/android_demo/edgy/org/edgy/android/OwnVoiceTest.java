package org.edgy.android;

import static org.junit.Assert.assertArrayEquals;
import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertNull;
import static org.junit.Assert.assertTrue;
import static org.junit.Assert.fail;

import java.io.ByteArrayInputStream;
import java.io.File;
import java.io.IOException;
import java.util.Arrays;
import org.junit.Rule;
import org.junit.Test;
import org.junit.rules.TemporaryFolder;

/** A voice that Python has saved, as {@code edgy enrol} does: {@code voice.npz}. */
public class OwnVoiceTest {
    private static final Level IDENTITY = Level.parse("identity");
    private static final String CODEBOOK = "0123456789abcdef";

    @Rule
    public final TemporaryFolder folder = new TemporaryFolder();

    private OwnVoice open() {
        return new OwnVoice(new File(folder.getRoot(), "voice"));
    }

    private static void enrol(OwnVoice voice, byte[] file) throws IOException {
        voice.enrol(new ByteArrayInputStream(file), CODEBOOK);
    }

    @Test
    public void theVoiceIsPythons() throws IOException {
        enrol(open(), Golden.bytes("voice.npz"));
        open().agree(true);
        int[] bits = Golden.numbers("voice.bits");
        float[] expected = new float[bits.length];
        for (int i = 0; i < bits.length; i++) {
            expected[i] = Float.intBitsToFloat(bits[i]);
        }
        assertArrayEquals(expected, open().at(IDENTITY, CODEBOOK), 0);
    }

    @Test
    public void itLeavesAtOneLevelAloneAndOnlyWithConsent() throws IOException {
        OwnVoice voice = open();
        refused(voice);
        enrol(voice, Golden.bytes("voice.npz"));
        assertTrue(voice.isEnrolled());
        refused(voice);
        voice.agree(true);
        voice.at(IDENTITY, CODEBOOK);
        for (String level : new String[] {"text", "anonymous", "pseudonym:phone"}) {
            assertNull(voice.at(Level.parse(level), CODEBOOK));
        }
        voice.agree(false);
        refused(voice);
    }

    @Test
    public void consentIsForOneVoiceAndEndsWithIt() throws IOException {
        OwnVoice voice = open();
        enrol(voice, Golden.bytes("voice.npz"));
        voice.agree(true);
        enrol(voice, Golden.bytes("voice.npz"));
        assertFalse(voice.isAgreed());
        voice.agree(true);
        voice.forget();
        assertFalse(voice.isAgreed() || voice.isEnrolled());
        voice.forget();
        refused(voice);
    }

    @Test
    public void whatIsNoVoiceLeavesTheOneBefore() throws IOException {
        byte[] good = Golden.bytes("voice.npz");
        OwnVoice voice = open();
        enrol(voice, good);
        voice.agree(true);
        byte[] damaged = good.clone();
        damaged[good.length / 2] ^= 1;
        byte[] nothing = new byte[0];
        byte[] endless = new byte[1 << 20];
        byte[][] wrong = {nothing, endless, damaged, Arrays.copyOf(good, good.length / 2), Golden.bytes("matrix.npz"),
                Golden.bytes("infinite.npz"), Golden.bytes("nameless.npz")};
        for (byte[] file : wrong) {
            try {
                enrol(voice, file);
                fail(file.length + " bytes were accepted");
            } catch (EdgyException.Model error) {
                assertTrue(error.getMessage().contains("edgy enrol"));
            }
        }
        assertTrue(voice.isAllowed());
        assertArrayEquals(good, Streams.readAll(new File(folder.getRoot(), "voice/voice.npz")));
    }

    @Test
    public void aVoiceOfAnotherCodebookIsNotSent() throws IOException {
        OwnVoice voice = open();
        enrol(voice, Golden.bytes("voice.npz"));
        voice.agree(true);
        try {
            voice.at(IDENTITY, "fedcba9876543210");
            fail("it was sent");
        } catch (EdgyException.Model error) {
            assertEquals(
                    "this voice is of codebook " + CODEBOOK + ", not fedcba9876543210; enrol it again",
                    error.getMessage());
        }
    }

    @Test
    public void aLevelThatIsNotAllowedIsNeitherChosenNorObeyed() throws IOException {
        OwnVoice voice = open();
        ChosenLevel level = new ChosenLevel(new File(folder.getRoot(), "level"), voice);
        try {
            level.choose(IDENTITY);
            fail("it was chosen");
        } catch (EdgyException.Consent error) {
            assertEquals("text", level.current().toString());
        }
        enrol(voice, Golden.bytes("voice.npz"));
        voice.agree(true);
        level.choose(IDENTITY);
        assertEquals("identity", level.current().toString());
        voice.forget();
        assertEquals("text", level.current().toString());
    }

    private static void refused(OwnVoice voice) throws IOException {
        assertFalse(voice.isAllowed());
        try {
            voice.at(IDENTITY, CODEBOOK);
            fail("it was sent");
        } catch (EdgyException.Consent error) {
            // As it should be.
        }
    }
}
