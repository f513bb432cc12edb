package org.edgy.demo;

import android.app.Activity;
import android.os.Bundle;
import android.text.format.DateUtils;
import android.text.format.Formatter;
import android.widget.TextView;
import java.util.List;
import org.edgy.android.Ledger;

/** What left this phone: totals by day, and the newest messages. */
public final class DisclosuresActivity extends Activity {
    private static final int NEWEST = 100;
    private static final int TIME = DateUtils.FORMAT_SHOW_TIME | DateUtils.FORMAT_NUMERIC_DATE;

    @Override
    protected void onCreate(Bundle state) {
        super.onCreate(state);
        setContentView(R.layout.activity_disclosures);
    }

    @Override
    protected void onStart() {
        super.onStart();
        DemoApplication app = (DemoApplication) getApplication();
        TextView totals = (TextView) findViewById(R.id.totals);
        TextView messages = (TextView) findViewById(R.id.messages);
        Ledger ledger = app.ledger();
        if (ledger == null) {
            totals.setText(app.trouble());
            return;
        }
        StringBuilder days = new StringBuilder();
        for (Ledger.Total total : ledger.totals()) {
            days.append(getString(R.string.total, total.day, total.messages, total.kind, size(total.bytes),
                    total.level, total.destination));
        }
        totals.setText(days.length() == 0 ? getString(R.string.nothing_left) : days);
        StringBuilder newest = new StringBuilder();
        List<Ledger.Message> all = ledger.messages(NEWEST);
        for (int i = all.size() - 1; i >= 0; i--) {
            Ledger.Message message = all.get(i);
            String time = DateUtils.formatDateTime(this, message.time, TIME);
            newest.append(getString(R.string.message, time, message.kind, size(message.bytes), message.level,
                    message.destination));
        }
        messages.setText(newest);
    }

    private String size(long bytes) {
        return Formatter.formatShortFileSize(this, bytes);
    }
}
