package org.edgy.demo;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertTrue;
import static org.junit.Assert.fail;

import org.junit.Test;

public class ServerAddressTest {
    @Test
    public void whatPeopleTypeIsUnderstood() {
        assertEquals("wss://cloud.example", ServerAddress.normalise(" cloud.example/ "));
        assertEquals("wss://cloud.example:8443", ServerAddress.normalise("HTTPS://cloud.example:8443"));
        assertEquals("ws://192.168.1.20:8000", ServerAddress.normalise("http://192.168.1.20:8000/"));
        assertEquals("ws://localhost:8000", ServerAddress.normalise("ws://localhost:8000"));
    }

    @Test
    public void anythingElseIsRefused() {
        for (String typed : new String[] {"", "ftp://a.example", "a b", "ws://", "wss://user@a.example", "://x"}) {
            try {
                ServerAddress.normalise(typed);
                fail(typed + " was accepted");
            } catch (IllegalArgumentException error) {
                // As it should be.
            }
        }
    }

    @Test
    public void onlyTlsIsEncrypted() {
        assertTrue(ServerAddress.isEncrypted("wss://cloud.example"));
        assertFalse(ServerAddress.isEncrypted("ws://cloud.example"));
    }
}
