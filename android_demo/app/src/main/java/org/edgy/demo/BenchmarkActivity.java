package org.edgy.demo;

import android.app.Activity;
import android.os.Build;
import android.os.Bundle;
import android.view.View;
import android.widget.Button;
import android.widget.TextView;
import org.edgy.android.EdgyEncoder;
import org.edgy.android.EdgyException;

/** How long loading and encoding take on this phone. */
public final class BenchmarkActivity extends Activity {
    private static final int SECONDS = 30;

    private Button start;
    private TextView result;

    @Override
    protected void onCreate(Bundle state) {
        super.onCreate(state);
        setContentView(R.layout.activity_benchmark);
        start = (Button) findViewById(R.id.start);
        result = (TextView) findViewById(R.id.result);
        start.setOnClickListener(new View.OnClickListener() {
            @Override
            public void onClick(View view) {
                start.setEnabled(false);
                result.setText(getString(R.string.measuring, SECONDS));
                new Thread(new Measure(), "benchmark").start();
            }
        });
    }

    private String report(Benchmark found) {
        String phone = getString(R.string.benchmark_phone, Build.MANUFACTURER, Build.MODEL, Build.VERSION.RELEASE);
        String load = getString(R.string.benchmark_load,
                found.load.min, found.load.mean, found.load.p95, found.load.deviation);
        String encode = getString(R.string.benchmark_encode, found.frameMs,
                found.encode.min, found.encode.mean, found.encode.p95, found.encode.deviation);
        return phone + load + encode + getString(R.string.benchmark_factor, found.realTimeFactor);
    }

    private final class Measure implements Runnable {
        @Override
        public void run() {
            String text;
            try {
                text = report(Benchmark.run(new Benchmark.Loader() {
                    @Override
                    public EdgyEncoder load() throws EdgyException {
                        return EdgyEncoder.create(BenchmarkActivity.this, DemoApplication.RELEASE);
                    }
                }, SECONDS));
            } catch (EdgyException error) {
                text = error.getMessage();
            }
            final String shown = text;
            runOnUiThread(new Runnable() {
                @Override
                public void run() {
                    result.setText(shown);
                    start.setEnabled(true);
                }
            });
        }
    }
}
