package org.edgy.demo;

import android.media.AudioAttributes;
import android.media.AudioFormat;
import android.media.AudioTrack;

/** Plays speech as the cloud sends it. */
final class Player {
    private static final int RATE = 16000;
    private AudioTrack track;

    /** Play samples after those before them; returns once they are in the player's buffer. */
    synchronized void play(short[] pcm) {
        if (track == null) {
            int least = AudioTrack.getMinBufferSize(RATE, AudioFormat.CHANNEL_OUT_MONO, AudioFormat.ENCODING_PCM_16BIT);
            track = new AudioTrack(
                    new AudioAttributes.Builder()
                            .setUsage(AudioAttributes.USAGE_MEDIA)
                            .setContentType(AudioAttributes.CONTENT_TYPE_SPEECH)
                            .build(),
                    new AudioFormat.Builder()
                            .setSampleRate(RATE)
                            .setEncoding(AudioFormat.ENCODING_PCM_16BIT)
                            .setChannelMask(AudioFormat.CHANNEL_OUT_MONO)
                            .build(),
                    Math.max(least, 2 * RATE),
                    AudioTrack.MODE_STREAM,
                    0);
        }
        if (track.getPlayState() != AudioTrack.PLAYSTATE_PLAYING) {
            track.play();
        }
        track.write(pcm, 0, pcm.length);
    }

    /** Nothing follows: play what is in the buffer to its end. */
    synchronized void finish() {
        if (track != null) {
            track.stop();
        }
    }

    /** Free the loudspeaker. */
    synchronized void close() {
        if (track != null) {
            track.release();
            track = null;
        }
    }
}
