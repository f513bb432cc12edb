package org.edgy.demo;

import android.app.Activity;
import android.os.Bundle;
import android.view.View;
import android.widget.EditText;
import android.widget.TextView;
import org.edgy.android.EdgyException;
import org.edgy.android.Level;

/** Which cloud gets the codes. */
public final class ServerActivity extends Activity {
    private DemoApplication app;
    private EditText address;
    private EditText token;
    private EditText pseudonym;
    private TextView note;

    @Override
    protected void onCreate(Bundle state) {
        super.onCreate(state);
        setContentView(R.layout.activity_server);
        app = (DemoApplication) getApplication();
        address = (EditText) findViewById(R.id.address);
        token = (EditText) findViewById(R.id.token);
        pseudonym = (EditText) findViewById(R.id.pseudonym);
        note = (TextView) findViewById(R.id.note);
        if (state == null) {
            address.setText(app.settings().getString("address", ""));
            token.setText(app.settings().getString("token", ""));
            pseudonym.setText(app.settings().getString("pseudonym", getString(R.string.default_pseudonym)));
        }
        findViewById(R.id.save).setOnClickListener(new View.OnClickListener() {
            @Override
            public void onClick(View view) {
                save();
            }
        });
    }

    private void save() {
        try {
            String typed = address.getText().toString().trim();
            String url = typed.isEmpty() ? "" : ServerAddress.normalise(typed);
            String name = pseudonym.getText().toString();
            Level named = Level.parse("pseudonym:" + name);
            app.settings().edit()
                    .putString("address", url)
                    .putString("token", token.getText().toString().trim())
                    .putString("pseudonym", name)
                    .apply();
            if (app.level().current().kind.equals(named.kind)) {
                app.level().choose(named);
            }
            app.connect();
            note.setText(url.isEmpty() ? R.string.saved_none
                    : ServerAddress.isEncrypted(url) ? R.string.saved : R.string.saved_unencrypted);
        } catch (EdgyException | IllegalArgumentException error) {
            note.setText(error.getMessage());
        }
    }
}
