package org.edgy.demo;

import android.Manifest;
import android.app.Activity;
import android.content.Intent;
import android.content.pm.PackageManager;
import android.os.Bundle;
import android.view.Menu;
import android.view.MenuItem;
import android.view.View;
import android.widget.AdapterView;
import android.widget.Button;
import android.widget.ProgressBar;
import android.widget.Spinner;
import android.widget.Switch;
import android.widget.TextView;
import org.edgy.android.EdgyEncoder;
import org.edgy.android.EdgyException;
import org.edgy.android.EdgyStream;
import org.edgy.android.Level;

/** Record, see the level, read what the cloud understands, and hear it back in another voice. */
public final class MainActivity extends Activity {
    private static final int ASK_MICROPHONE = 1;

    private DemoApplication app;
    private EdgyEncoder encoder;
    private Recorder recorder;
    private final Player player = new Player();
    private Button record;
    private ProgressBar meter;
    private TextView status;
    private TextView transcript;
    private Spinner level;
    private Switch hearBack;

    @Override
    protected void onCreate(Bundle state) {
        super.onCreate(state);
        setContentView(R.layout.activity_main);
        app = (DemoApplication) getApplication();
        record = (Button) findViewById(R.id.record);
        meter = (ProgressBar) findViewById(R.id.meter);
        status = (TextView) findViewById(R.id.status);
        transcript = (TextView) findViewById(R.id.transcript);
        level = (Spinner) findViewById(R.id.level);
        hearBack = (Switch) findViewById(R.id.hear_back);
        record.setOnClickListener(new View.OnClickListener() {
            @Override
            public void onClick(View view) {
                toggle();
            }
        });
        level.setOnItemSelectedListener(new AdapterView.OnItemSelectedListener() {
            @Override
            public void onItemSelected(AdapterView<?> parent, View view, int position, long id) {
                choose(Level.KINDS.get(position));
            }

            @Override
            public void onNothingSelected(AdapterView<?> parent) {}
        });
        try {
            encoder = EdgyEncoder.create(this, DemoApplication.RELEASE);
        } catch (EdgyException error) {
            status.setText(error.getMessage());
            record.setEnabled(false);
        }
    }

    @Override
    protected void onStart() {
        super.onStart();
        app.listen(new News());
        showLevel();
        if (recorder == null && encoder != null) {
            boolean connected = app.stream() != null;
            status.setText(connected ? getString(R.string.ready) : getString(R.string.no_server) + app.trouble());
        }
    }

    @Override
    protected void onStop() {
        app.listen(null);
        if (recorder != null) {
            recorder.finish();
        }
        super.onStop();
    }

    @Override
    protected void onDestroy() {
        final Recorder last = recorder;
        final EdgyEncoder used = encoder;
        // The recorder still encodes its last frame.
        new Thread("close") {
            @Override
            public void run() {
                try {
                    if (last != null) {
                        last.join();
                    }
                    if (used != null) {
                        used.close();
                    }
                } catch (InterruptedException error) {
                    // The process ends.
                }
                player.close();
            }
        }.start();
        super.onDestroy();
    }

    @Override
    public boolean onCreateOptionsMenu(Menu menu) {
        getMenuInflater().inflate(R.menu.main, menu);
        return true;
    }

    @Override
    public boolean onOptionsItemSelected(MenuItem item) {
        if (item.getItemId() == R.id.disclosures) {
            startActivity(new Intent(this, DisclosuresActivity.class));
        } else if (item.getItemId() == R.id.benchmark) {
            startActivity(new Intent(this, BenchmarkActivity.class));
        } else if (item.getItemId() == R.id.voice) {
            startActivity(new Intent(this, VoiceActivity.class));
        } else if (item.getItemId() == R.id.server) {
            startActivity(new Intent(this, ServerActivity.class));
        } else {
            return super.onOptionsItemSelected(item);
        }
        return true;
    }

    @Override
    public void onRequestPermissionsResult(int request, String[] permissions, int[] results) {
        if (results.length > 0 && results[0] == PackageManager.PERMISSION_GRANTED) {
            toggle();
        } else {
            status.setText(R.string.no_microphone);
        }
    }

    private void toggle() {
        if (recorder != null) {
            recorder.finish();
            return;
        }
        if (checkSelfPermission(Manifest.permission.RECORD_AUDIO) != PackageManager.PERMISSION_GRANTED) {
            requestPermissions(new String[] {Manifest.permission.RECORD_AUDIO}, ASK_MICROPHONE);
            return;
        }
        transcript.setText("");
        Session session;
        try {
            Level chosen = app.level().current();
            float[] voice = app.voice().at(chosen, encoder.getInfo().codebookId);
            session = new Session(encoder, app.stream(), chosen, voice, hearBack.isChecked());
        } catch (EdgyException error) {
            status.setText(error.getMessage());
            return;
        }
        recorder = new Recorder(encoder, session, new Frames());
        recorder.start();
        record.setText(R.string.stop);
    }

    private void choose(String kind) {
        String name = app.settings().getString("pseudonym", getString(R.string.default_pseudonym));
        try {
            app.level().choose(Level.parse(kind.equals("pseudonym") ? kind + ":" + name : kind));
        } catch (EdgyException.Consent error) {
            status.setText(R.string.voice_missing);
        } catch (EdgyException error) {
            status.setText(error.getMessage());
        }
        showLevel();
    }

    /** The level in force, which may be another than the one that was picked, or than before another screen. */
    private void showLevel() {
        String kind = app.level().current().kind;
        level.setSelection(Level.KINDS.indexOf(kind));
        hearBack.setEnabled(!kind.equals(Level.TEXT.kind));
    }

    /** What the recorder tells, brought to the screen's thread. */
    private final class Frames implements Recorder.Listener {
        @Override
        public void onFrame(final double decibels, final long codes) {
            runOnUiThread(new Runnable() {
                @Override
                public void run() {
                    meter.setProgress(Meter.percent(decibels));
                    status.setText(getString(R.string.encoding, codes));
                }
            });
        }

        @Override
        public void onEnd(final long codes, final boolean heard) {
            runOnUiThread(new Runnable() {
                @Override
                public void run() {
                    recorder = null;
                    meter.setProgress(0);
                    record.setText(R.string.record);
                    status.setText(heard ? getString(R.string.encoded, codes) : getString(R.string.no_microphone));
                }
            });
        }
    }

    /** What the cloud tells, brought to the screen's thread; speech is played where it comes. */
    private final class News implements EdgyStream.Listener {
        @Override
        public void onText(String id, String text, boolean isFinal) {
            show(transcript, text);
        }

        @Override
        public void onSpeech(String id, short[] pcm) {
            player.play(pcm);
        }

        @Override
        public void onDelivered(String id, String text) {
            show(transcript, text);
            show(status, getString(R.string.delivered));
            player.finish();
        }

        @Override
        public void onRejected(String id, String reason) {
            show(status, getString(R.string.rejected, reason));
        }

        @Override
        public void onTrouble(String reason) {
            show(status, getString(R.string.away, reason));
        }

        private void show(final TextView view, final String text) {
            runOnUiThread(new Runnable() {
                @Override
                public void run() {
                    view.setText(text);
                }
            });
        }
    }
}
