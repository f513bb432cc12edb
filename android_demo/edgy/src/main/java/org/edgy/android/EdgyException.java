package org.edgy.android;

import java.io.IOException;

/** What the library reports; its message is one line that says what to do. */
public class EdgyException extends IOException {
    EdgyException(String message) {
        super(message);
    }

    EdgyException(String message, Throwable cause) {
        super(message, cause);
    }

    /** No such release, or a file that is no encoder or voice of ours. */
    public static final class Model extends EdgyException {
        Model(String message, Throwable cause) {
            super(message, cause);
        }
    }

    /** The user has not agreed that this leaves the phone. */
    public static final class Consent extends EdgyException {
        Consent(String message) {
            super(message);
        }
    }

    /** Bytes that no writer of the wire format writes. */
    public static final class Wire extends EdgyException {
        Wire(String message) {
            super(message);
        }
    }

    /** The ledger or the spool cannot be used. */
    public static final class Storage extends EdgyException {
        Storage(String message, Throwable cause) {
            super(message, cause);
        }
    }

    /** The cloud is away or in trouble; the stream waits in the spool and is sent again. */
    public static class Uplink extends EdgyException {
        Uplink(String message) {
            super(message);
        }
    }

    /** The cloud does not want this stream and never will. */
    public static final class Rejected extends Uplink {
        Rejected(String message) {
            super(message);
        }
    }
}
