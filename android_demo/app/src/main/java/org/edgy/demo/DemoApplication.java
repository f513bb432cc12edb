package org.edgy.demo;

import android.app.Application;
import android.content.SharedPreferences;
import java.io.File;
import org.edgy.android.ChosenLevel;
import org.edgy.android.EdgyException;
import org.edgy.android.EdgyStream;
import org.edgy.android.Ledger;
import org.edgy.android.OwnVoice;

/** What outlives a screen: the ledger, the privacy level, the server, and the streams to it. */
public final class DemoApplication extends Application {
    /** Whose encoder the app has. */
    static final String RELEASE = "pi";

    private OwnVoice voice;
    private ChosenLevel level;
    private Ledger ledger;
    private EdgyStream stream;
    private String trouble = "";
    private EdgyStream.Listener listener;

    @Override
    public void onCreate() {
        super.onCreate();
        voice = new OwnVoice(new File(getFilesDir(), "voice"));
        level = new ChosenLevel(new File(getFilesDir(), "level"), voice);
        try {
            ledger = new Ledger(new File(getFilesDir(), "disclosures.tsv"));
        } catch (EdgyException error) {
            trouble = error.getMessage();
        }
        connect();
    }

    /** The user's own. */
    OwnVoice voice() {
        return voice;
    }

    /** The level in force. */
    ChosenLevel level() {
        return level;
    }

    /** The ledger, or null where it cannot be used, so that nothing is sent. */
    Ledger ledger() {
        return ledger;
    }

    /** Why there is no ledger or no stream; empty if there is nothing to tell. */
    String trouble() {
        return trouble;
    }

    /** To the server that was entered, or null where none was. */
    EdgyStream stream() {
        return stream;
    }

    /** Tell {@code listener} what becomes of streams; null for nobody. */
    synchronized void listen(EdgyStream.Listener listener) {
        this.listener = listener;
    }

    SharedPreferences settings() {
        return getSharedPreferences("server", MODE_PRIVATE);
    }

    /** Use the server of the settings from now on; what waits goes there too. */
    void connect() {
        if (stream != null) {
            stream.close();
            stream = null;
        }
        String address = settings().getString("address", "");
        if (address.isEmpty() || ledger == null) {
            return;
        }
        try {
            String token = settings().getString("token", "");
            stream = new EdgyStream(new File(getFilesDir(), "spool"), address, token, ledger, new Forward());
            trouble = "";
        } catch (EdgyException error) {
            trouble = error.getMessage();
        }
    }

    private synchronized EdgyStream.Listener listener() {
        return listener;
    }

    /** Hands news to the screen that is there. */
    private final class Forward implements EdgyStream.Listener {
        @Override
        public void onText(String id, String text, boolean isFinal) {
            EdgyStream.Listener to = listener();
            if (to != null) {
                to.onText(id, text, isFinal);
            }
        }

        @Override
        public void onSpeech(String id, short[] pcm) {
            EdgyStream.Listener to = listener();
            if (to != null) {
                to.onSpeech(id, pcm);
            }
        }

        @Override
        public void onDelivered(String id, String text) {
            EdgyStream.Listener to = listener();
            if (to != null) {
                to.onDelivered(id, text);
            }
        }

        @Override
        public void onRejected(String id, String reason) {
            EdgyStream.Listener to = listener();
            if (to != null) {
                to.onRejected(id, reason);
            }
        }

        @Override
        public void onTrouble(String reason) {
            EdgyStream.Listener to = listener();
            if (to != null) {
                to.onTrouble(reason);
            }
        }
    }
}
