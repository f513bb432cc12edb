package org.edgy.android;

import java.io.File;
import java.util.Arrays;
import java.util.concurrent.CountDownLatch;

/**
 * A program that speaks to a cloud as an app would, and prints what it is told:
 * {@code Speak STATE URL TOKEN LEVEL SPEECH UTTERANCES CODES [killed]}. With {@code killed} it stops dead within the
 * last utterance.
 */
public final class Speak {
    private Speak() {}

    private static synchronized void tell(String line) {
        System.out.println(line);
        System.out.flush();
    }

    public static void main(String[] args) throws Exception {
        File state = new File(args[0]);
        Level level = Level.parse(args[3]);
        int utterances = Integer.parseInt(args[5]);
        int[] codes = Golden.numbersOf(args[6].replace(',', ' '));
        boolean killed = args.length > 7;
        File[] left = new File(state, "spool").listFiles((folder, name) -> name.endsWith(".edgy"));
        final CountDownLatch settled = new CountDownLatch(utterances + (left == null ? 0 : left.length));
        Ledger ledger = new Ledger(new File(state, "disclosures.tsv"));
        EdgyStream.Listener listener = new EdgyStream.Listener() {
            @Override
            public void onText(String stream, String text, boolean isFinal) {
                tell("text\t" + stream + "\t" + isFinal + "\t" + text);
            }

            @Override
            public void onSpeech(String stream, short[] pcm) {
                tell("speech\t" + stream + "\t" + pcm.length);
            }

            @Override
            public void onDelivered(String stream, String text) {
                tell("delivered\t" + stream + "\t" + text);
                settled.countDown();
            }

            @Override
            public void onRejected(String stream, String reason) {
                tell("rejected\t" + stream + "\t" + reason);
                settled.countDown();
            }

            @Override
            public void onTrouble(String reason) {
                tell("trouble\t" + reason);
            }
        };
        EdgyStream stream = new EdgyStream(new File(state, "spool"), args[1], args[2], ledger, listener, 300_000, 20);
        ModelInfo info = ModelInfo.read(Streams.readAll(new File(System.getProperty("edgy.model"))));
        float[] voice = level.kind.equals("identity") ? new float[] {0.5f, 0.1f} : null;
        for (int i = 0; i < utterances; i++) {
            tell("begun\t" + stream.begin(info, level, voice, Boolean.parseBoolean(args[4])));
            for (int at = 0; at < codes.length; at += 7) {
                stream.write(Arrays.copyOfRange(codes, at, Math.min(codes.length, at + 7)));
            }
            if (killed && i == utterances - 1) {
                Runtime.getRuntime().halt(9);
            }
            stream.end((long) codes.length * info.samplesPerCode);
        }
        settled.await();
        tell("waiting\t" + stream.getWaiting());
        stream.close();
        ledger.close();
        System.exit(0);
    }
}
