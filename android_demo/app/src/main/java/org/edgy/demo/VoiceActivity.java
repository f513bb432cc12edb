package org.edgy.demo;

import android.app.Activity;
import android.content.Intent;
import android.net.Uri;
import android.os.Bundle;
import android.view.View;
import android.widget.Button;
import android.widget.CompoundButton;
import android.widget.Switch;
import android.widget.TextView;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import org.edgy.android.EdgyException;
import org.edgy.android.ModelInfo;
import org.edgy.android.OwnVoice;

/** The user's own voice, for level identity: choose its file, agree that it leaves, forget it. */
public final class VoiceActivity extends Activity {
    private static final int CHOOSE = 1;

    private DemoApplication app;
    private Switch agree;
    private Button forget;
    private TextView note;

    @Override
    protected void onCreate(Bundle state) {
        super.onCreate(state);
        setContentView(R.layout.activity_voice);
        app = (DemoApplication) getApplication();
        agree = (Switch) findViewById(R.id.agree);
        forget = (Button) findViewById(R.id.forget);
        note = (TextView) findViewById(R.id.note);
        findViewById(R.id.choose).setOnClickListener(new View.OnClickListener() {
            @Override
            public void onClick(View view) {
                Intent open = new Intent(Intent.ACTION_OPEN_DOCUMENT);
                startActivityForResult(open.addCategory(Intent.CATEGORY_OPENABLE).setType("*/*"), CHOOSE);
            }
        });
        forget.setOnClickListener(new View.OnClickListener() {
            @Override
            public void onClick(View view) {
                forget();
            }
        });
        agree.setOnCheckedChangeListener(new CompoundButton.OnCheckedChangeListener() {
            @Override
            public void onCheckedChanged(CompoundButton view, boolean agrees) {
                agree(agrees);
            }
        });
        show();
    }

    @Override
    protected void onActivityResult(int request, int result, Intent data) {
        if (request == CHOOSE && result == RESULT_OK && data != null) {
            enrol(data.getData());
        }
    }

    private void enrol(Uri file) {
        try (InputStream in = getContentResolver().openInputStream(file)) {
            if (in == null) {
                throw new FileNotFoundException(file.toString());
            }
            app.voice().enrol(in, ModelInfo.ofRelease(this, DemoApplication.RELEASE).codebookId);
            show();
        } catch (EdgyException error) {
            note.setText(error.getMessage());
        } catch (IOException | SecurityException error) {
            note.setText(R.string.voice_unreadable);
        }
    }

    private void agree(boolean agrees) {
        try {
            if (agrees != app.voice().isAgreed()) {
                app.voice().agree(agrees);
            }
            show();
        } catch (EdgyException error) {
            note.setText(error.getMessage());
        }
    }

    private void forget() {
        try {
            app.voice().forget();
            show();
        } catch (EdgyException error) {
            note.setText(error.getMessage());
        }
    }

    private void show() {
        OwnVoice voice = app.voice();
        agree.setEnabled(voice.isEnrolled());
        agree.setChecked(voice.isAgreed());
        forget.setEnabled(voice.isEnrolled());
        note.setText(!voice.isEnrolled() ? R.string.voice_none
                : voice.isAgreed() ? R.string.voice_leaves : R.string.voice_stays);
    }
}
