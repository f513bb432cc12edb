package org.edgy.android;

import static org.junit.Assert.assertArrayEquals;
import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertSame;
import static org.junit.Assert.assertTrue;
import static org.junit.Assert.fail;

import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.util.Arrays;
import java.util.Random;
import org.junit.Rule;
import org.junit.Test;
import org.junit.rules.TemporaryFolder;

public class SpoolTest {
    private static final StreamHeader HEADER = new StreamHeader("0123456789abcdef", 512, 16000, 320);
    private static final int[] CODES = new int[55];

    @Rule
    public final TemporaryFolder folder = new TemporaryFolder();

    private static StreamWriter writer(final Spool spool, final Utterance utterance) {
        return new StreamWriter(new StreamWriter.Sink() {
            @Override
            public void take(byte[] data) {
                spool.append(utterance, data);
            }
        }, HEADER, 10);
    }

    private static Utterance spoken(Spool spool, String level) {
        Utterance utterance = spool.begin(Level.parse(level), false);
        StreamWriter writer = writer(spool, utterance);
        writer.write(CODES);
        writer.close(17000);
        return utterance;
    }

    private static byte[] bytes(Utterance utterance) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        bytes.write(utterance.header());
        for (int i = 0; i < utterance.size(); i++) {
            bytes.write(utterance.packet(i));
        }
        return bytes.toByteArray();
    }

    private File[] files() {
        File[] files = folder.getRoot().listFiles((directory, name) -> name.endsWith(".edgy"));
        Arrays.sort(files);
        return files;
    }

    @Test
    public void theOldestComesFirstAndOutlivesTheProcess() throws Exception {
        Spool spool = new Spool(folder.getRoot(), 1 << 20);
        Utterance first = spoken(spool, "pseudonym:phone");
        Utterance second = spoken(spool, "text");
        assertSame(first, spool.head());
        spool.close();
        spool = new Spool(folder.getRoot(), 1 << 20);
        Utterance again = spool.head();
        assertEquals(first.stream, again.stream);
        assertEquals("pseudonym:phone", again.level.toString());
        assertArrayEquals(bytes(first), bytes(again));
        spool.done(again);
        assertEquals(second.stream, spool.head().stream);
        spool.done(spool.head());
        assertEquals(0, files().length);
        spool.close();
    }

    @Test
    public void whatAKilledProcessLeftEndsAfterItsLastWholePacket() throws Exception {
        Spool spool = new Spool(folder.getRoot(), 1 << 20);
        Utterance utterance = spoken(spool, "text");
        byte[] whole = bytes(utterance);
        spool.close();
        File file = files()[0];
        for (int size = 0; size < whole.length; size++) {
            Files.write(file.toPath(), Arrays.copyOf(whole, size));
            spool = new Spool(folder.getRoot(), 1 << 20);
            int packets = Math.min(5, Math.max(0, (size - StreamHeader.SIZE) / 24));
            packets += size >= whole.length - 27 ? 1 : 0; // the last five codes, before END
            if (packets == 0) {
                // Too short to hold a code: dropped at once, or as soon as it is looked at.
                Utterance next = spoken(spool, "text");
                assertSame(next, spool.head());
                spool.done(next);
            } else {
                Utterance left = spool.head();
                assertEquals(size + " bytes", packets + 1, left.size());
                assertEquals(Packets.END, left.packet(packets)[0]);
                assertEquals(Math.min(55, 10 * packets), left.packet(packets)[Packets.HEAD]);
                spool.done(left);
            }
            assertEquals(0, spool.size());
            spool.close();
        }
    }

    @Test
    public void damageIsNeverSent() throws Exception {
        Spool spool = new Spool(folder.getRoot(), 1 << 20);
        byte[] whole = bytes(spoken(spool, "text"));
        spool.close();
        Random random = new Random(6);
        for (int round = 0; round < 500; round++) {
            byte[] damaged = whole.clone();
            damaged[random.nextInt(whole.length)] ^= 1 << random.nextInt(8);
            try {
                byte[] read = bytes(Utterance.fromBytes(damaged, Level.TEXT, "0"));
                // A length that points behind the end looks like a torn packet: what is before it is whole.
                int same = read.length - Packets.OVERHEAD - 16;
                assertArrayEquals(Arrays.copyOf(whole, same), Arrays.copyOf(read, same));
                assertTrue(read.length <= whole.length);
            } catch (EdgyException.Wire error) {
                // As it should be.
            }
        }
    }

    @Test
    public void aDamagedFileIsDroppedAndTheNextIsSent() throws Exception {
        Spool spool = new Spool(folder.getRoot(), 1 << 20);
        spoken(spool, "text");
        Utterance good = spoken(spool, "text");
        spool.close();
        byte[] bytes = Files.readAllBytes(files()[0].toPath());
        bytes[40] ^= 1;
        Files.write(files()[0].toPath(), bytes);
        spool = new Spool(folder.getRoot(), 1 << 20);
        assertEquals(good.stream, spool.head().stream);
        assertEquals(1, spool.dropped());
        spool.close();
    }

    @Test
    public void aboveTheLimitTheOldestGoes() throws Exception {
        Spool spool = new Spool(folder.getRoot(), 500);
        Utterance[] all = new Utterance[10];
        for (int i = 0; i < all.length; i++) {
            all[i] = spoken(spool, "text");
        }
        int size = bytes(all[0]).length;
        int kept = 500 / size;
        assertEquals(kept, spool.size());
        assertEquals(all.length - kept, spool.dropped());
        assertTrue(all[0].isDropped());
        assertFalse(spool.holds(all[0]));
        assertSame(all[all.length - kept], spool.head());
        assertEquals(kept, files().length);
        spool.close();
    }

    @Test
    public void whatTheDiskRefusesWaitsInMemory() throws Exception {
        Spool spool = new Spool(folder.getRoot(), 1 << 20);
        for (File file : folder.getRoot().listFiles()) {
            file.delete();
        }
        assertTrue(folder.getRoot().delete());
        Utterance utterance = spoken(spool, "text");
        assertSame(utterance, spool.head());
        assertEquals(7, utterance.size());
        spool.done(utterance);
        assertEquals(0, spool.size());
        spool.close();
    }

    @Test
    public void aFolderHasOneOwner() throws Exception {
        Spool spool = new Spool(folder.getRoot(), 1 << 20);
        try {
            new Spool(folder.getRoot(), 1 << 20);
            fail("two have it");
        } catch (EdgyException.Storage error) {
            // As it should be.
        }
        spool.close();
        new Spool(folder.getRoot(), 1 << 20).close();
    }
}
