package org.edgy.demo;

import android.media.AudioFormat;
import android.media.AudioRecord;
import android.media.MediaRecorder;
import org.edgy.android.EdgyEncoder;

/** The microphone, in a thread of its own that encodes what it hears. */
final class Recorder extends Thread {
    /** Is told of each frame, on the recorder's thread. */
    interface Listener {
        void onFrame(double decibels, long codes);

        void onEnd(long codes, boolean heard);
    }

    private final EdgyEncoder encoder;
    private final Session session;
    private final Listener listener;
    private volatile boolean stopped;

    Recorder(EdgyEncoder encoder, Session session, Listener listener) {
        super("recorder");
        this.encoder = encoder;
        this.session = session;
        this.listener = listener;
    }

    /** End the utterance after the frame that is being heard. */
    void finish() {
        stopped = true;
    }

    @Override
    public void run() {
        boolean heard = record();
        session.end();
        listener.onEnd(session.codes(), heard);
    }

    private boolean record() {
        short[] frame = new short[encoder.getFrameLength()];
        int least = AudioRecord.getMinBufferSize(
                encoder.getSampleRate(), AudioFormat.CHANNEL_IN_MONO, AudioFormat.ENCODING_PCM_16BIT);
        AudioRecord record = new AudioRecord(MediaRecorder.AudioSource.VOICE_RECOGNITION, encoder.getSampleRate(),
                AudioFormat.CHANNEL_IN_MONO, AudioFormat.ENCODING_PCM_16BIT, Math.max(least, 8 * frame.length));
        try {
            record.startRecording();
            while (!stopped) {
                int count = record.read(frame, 0, frame.length);
                if (count < 0) {
                    return false;
                }
                session.write(frame, count);
                listener.onFrame(Meter.decibels(frame, count), session.codes());
            }
            return true;
        } catch (IllegalStateException error) {
            return false; // Another app has the microphone.
        } finally {
            record.release();
        }
    }
}
