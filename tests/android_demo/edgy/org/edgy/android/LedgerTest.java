package org.edgy.android;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertTrue;
import static org.junit.Assert.fail;

import java.io.File;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.List;
import java.util.Random;
import org.junit.Before;
import org.junit.Rule;
import org.junit.Test;
import org.junit.rules.TemporaryFolder;

public class LedgerTest {
    @Rule
    public final TemporaryFolder folder = new TemporaryFolder();

    private final Utterance utterance = new Utterance(Level.parse("pseudonym:phone"), false);
    private File file;

    @Before
    public void place() {
        file = new File(folder.getRoot(), "disclosures.tsv");
    }

    private static long[] sums(Ledger ledger) {
        long[] sums = new long[2];
        for (Ledger.Total total : ledger.totals()) {
            sums[0] += total.messages;
            sums[1] += total.bytes;
        }
        return sums;
    }

    @Test
    public void everyMessageCountsForGoodAndTheNewestAreKept() throws IOException {
        Random random = new Random(5);
        long bytes = 0;
        Ledger ledger = new Ledger(file, 20);
        for (int i = 1; i <= 1000; i++) {
            int size = random.nextInt(300);
            bytes += size;
            String kind = i % 2 == 0 ? "codes" : Ledger.CONTROL;
            ledger.record(kind, size, utterance, i % 3 == 0 ? "a.example" : "b.example:8000");
            if (random.nextInt(30) == 0) {
                ledger.close();
                ledger = new Ledger(file, 20);
            }
            assertEquals(i, sums(ledger)[0]);
            assertEquals(bytes, sums(ledger)[1]);
        }
        List<Ledger.Message> newest = ledger.messages(1000);
        assertEquals(20, newest.size());
        assertEquals("codes", newest.get(19).kind);
        assertEquals("pseudonym:phone", newest.get(19).level);
        assertEquals(utterance.stream, newest.get(19).stream);
        assertEquals(5, ledger.messages(5).size());
        ledger.close();
        assertTrue(file.length() + " bytes", file.length() < 50 * 120);
    }

    @Test
    public void packetsAreNamed() throws IOException {
        Ledger ledger = new Ledger(file);
        ledger.packet(Packets.speaker(0, new float[] {1}), utterance, "a");
        ledger.packet(Packets.codes(1, new int[] {1}, 0, 1, 9), utterance, "a");
        ledger.packet(Packets.end(2, 1, 320), utterance, "a");
        StringBuilder kinds = new StringBuilder();
        for (Ledger.Message message : ledger.messages(3)) {
            kinds.append(message.kind).append(", ");
        }
        assertEquals("speaker vector, codes, end, ", kinds.toString());
        ledger.close();
    }

    @Test
    public void aTornLineIsForgottenAndTheNextOneIsWhole() throws IOException {
        Ledger ledger = new Ledger(file);
        ledger.record("codes", 100, utterance, "a");
        ledger.close();
        byte[] whole = Files.readAllBytes(file.toPath());
        for (int size = 1; size < whole.length; size++) {
            try (FileOutputStream out = new FileOutputStream(file)) {
                out.write(whole);
                out.write(whole, 0, size);
            }
            ledger = new Ledger(file);
            ledger.record("codes", 7, utterance, "a");
            ledger.close();
            ledger = new Ledger(file);
            assertEquals(2, sums(ledger)[0]);
            assertEquals(107, sums(ledger)[1]);
            ledger.close();
        }
    }

    @Test
    public void anotherFileIsNoLedgerAndStaysAsItIs() throws IOException {
        String text = "dear diary\n";
        Files.write(file.toPath(), text.getBytes(StandardCharsets.UTF_8));
        unusable();
        assertEquals(text, new String(Files.readAllBytes(file.toPath()), StandardCharsets.UTF_8));
    }

    @Test
    public void itIsOpenOnce() throws IOException {
        Ledger ledger = new Ledger(file);
        unusable();
        ledger.close();
        new Ledger(file).close();
    }

    @Test
    public void whatCannotBeRecordedIsTold() throws IOException {
        Ledger ledger = new Ledger(file);
        ledger.close();
        try {
            ledger.record("codes", 1, utterance, "a");
            fail("it was recorded in a closed file");
        } catch (EdgyException.Storage error) {
            assertTrue(error.getMessage(), error.getMessage().contains("nothing is sent"));
        }
        assertEquals(0, ledger.messages(1).size());
    }

    private void unusable() {
        try {
            new Ledger(file);
            fail("it was opened");
        } catch (EdgyException.Storage error) {
            // As it should be.
        }
    }
}
