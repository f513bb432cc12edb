package org.edgy.android;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertTrue;
import static org.junit.Assert.fail;

import java.io.File;
import java.io.IOException;
import java.net.ServerSocket;
import java.net.SocketTimeoutException;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import org.junit.After;
import org.junit.Before;
import org.junit.Rule;
import org.junit.Test;
import org.junit.rules.TemporaryFolder;

/** What needs no cloud; for the rest see test_android_stream.py. */
public class EdgyStreamTest {
    @Rule
    public final TemporaryFolder folder = new TemporaryFolder();

    private final BlockingQueue<String> troubles = new ArrayBlockingQueue<>(1000);
    private ServerSocket server;
    private Ledger ledger;
    private ModelInfo info;

    @Before
    public void open() throws IOException {
        server = new ServerSocket(0);
        ledger = new Ledger(new File(folder.getRoot(), "disclosures.tsv"));
        info = ModelInfo.read(Streams.readAll(new File(System.getProperty("edgy.model"))));
    }

    @After
    public void close() throws IOException {
        server.close();
        ledger.close();
    }

    private EdgyStream stream(String url) throws IOException {
        return new EdgyStream(new File(folder.getRoot(), "spool"), url, "", ledger, new EdgyStream.Listener() {
            @Override
            public void onText(String stream, String text, boolean isFinal) {}

            @Override
            public void onSpeech(String stream, short[] pcm) {}

            @Override
            public void onDelivered(String stream, String text) {}

            @Override
            public void onRejected(String stream, String reason) {}

            @Override
            public void onTrouble(String reason) {
                troubles.offer(reason);
            }
        });
    }

    @Test
    public void whatCannotBeRecordedDoesNotLeave() throws Exception {
        ledger.close();
        EdgyStream stream = stream("ws://localhost:" + server.getLocalPort());
        stream.begin(info, Level.TEXT, null, false);
        stream.write(new int[60]);
        assertTrue(troubles.take().contains("nothing is sent"));
        server.setSoTimeout(300);
        try {
            server.accept();
            fail("somebody has connected");
        } catch (SocketTimeoutException error) {
            // As it should be.
        }
        stream.close();
    }

    @Test
    public void whatDoesNotGoTogetherLeavesNothingBehind() throws Exception {
        EdgyStream stream = stream("ws://localhost:" + server.getLocalPort());
        refused(stream, "text", null, true);
        refused(stream, "identity", null, false);
        refused(stream, "anonymous", new float[] {1}, false);
        refused(stream, "identity", new float[] {Float.NaN}, false);
        refused(stream, "identity", new float[0], false);
        assertEquals(0, stream.getWaiting());
        stream.begin(info, Level.parse("identity"), new float[] {1}, true);
        assertEquals(1, stream.getWaiting());
        stream.close();
    }

    private void refused(EdgyStream stream, String level, float[] voice, boolean speech) {
        try {
            stream.begin(info, Level.parse(level), voice, speech);
            fail(level + " was accepted");
        } catch (IllegalArgumentException error) {
            // As it should be.
        }
    }

    @Test
    public void anAddressIsThatOfAWebSocket() throws Exception {
        for (String url : new String[] {"", "cloud.example", "http://cloud.example", "ws://", "wss:///v1"}) {
            try {
                stream(url);
                fail(url + " was accepted");
            } catch (IllegalArgumentException error) {
                // As it should be; and the folder is free for the next one.
            }
        }
        stream("wss://cloud.example").close();
    }
}
