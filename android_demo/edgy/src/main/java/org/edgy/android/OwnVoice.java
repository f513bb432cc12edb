package org.edgy.android;

import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;

/**
 * The user's own voice, which level {@code identity} sends, and whether the user agrees to that. Both outlive the
 * process. The voice is computed elsewhere, by {@code edgy enrol}: that fits it with the decoder, which no phone has.
 */
public final class OwnVoice {
    private static final int LARGEST = 1 << 16;
    private static final byte[] YES = {'y', 'e', 's'};

    private final File voice;
    private final File consent;

    /** The voice that lies in {@code folder}, which is made where it is missing. */
    public OwnVoice(File folder) {
        voice = new File(folder, "voice.npz");
        consent = new File(folder, "consent");
    }

    /**
     * Keep a file of {@code edgy enrol} in the place of an older one. Consent is for one voice, so it ends.
     *
     * @param file its bytes, read to their end.
     * @param codebookId of the encoder that is in use.
     * @throws EdgyException.Model no voice, or one of another codebook; the older one stays.
     * @throws EdgyException.Storage it cannot be kept.
     */
    public void enrol(InputStream file, String codebookId) throws EdgyException {
        byte[] data;
        try {
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            for (int next; bytes.size() <= LARGEST && (next = file.read()) >= 0; ) {
                bytes.write(next);
            }
            data = bytes.toByteArray();
        } catch (IOException error) {
            throw new EdgyException.Model("the file cannot be read: " + error.getMessage(), error);
        }
        check(new VoiceFile(data), codebookId);
        try {
            agree(false);
            StateFiles.replace(voice, data);
        } catch (IOException error) {
            throw new EdgyException.Storage("cannot write " + voice + ": " + error.getMessage(), error);
        }
    }

    /** There is one. */
    public boolean isEnrolled() {
        return voice.exists();
    }

    /** The user agrees that it, which tells who speaks, leaves the phone at level {@code identity}. */
    public boolean isAgreed() {
        return consent.exists();
    }

    /** It is there, and it may leave. */
    public boolean isAllowed() {
        return isEnrolled() && isAgreed();
    }

    /**
     * Give or withdraw consent.
     *
     * @throws EdgyException.Storage it cannot be kept, or not be withdrawn.
     */
    public void agree(boolean agrees) throws EdgyException.Storage {
        try {
            if (agrees) {
                StateFiles.replace(consent, YES);
            } else {
                remove(consent);
            }
        } catch (IOException error) {
            throw new EdgyException.Storage("cannot write " + consent + ": " + error.getMessage(), error);
        }
    }

    /**
     * Remove voice and consent.
     *
     * @throws EdgyException.Storage it cannot be removed.
     */
    public void forget() throws EdgyException.Storage {
        agree(false);
        try {
            remove(voice);
        } catch (IOException error) {
            throw new EdgyException.Storage("cannot remove " + voice + ": " + error.getMessage(), error);
        }
    }

    /**
     * What {@link EdgyStream#begin} takes at a level: the voice at {@code identity}, null at every other.
     *
     * @param codebookId of the encoder that is in use.
     * @throws EdgyException.Consent the voice must not leave, or is not there.
     * @throws EdgyException.Model it is damaged, or of another codebook.
     */
    public float[] at(Level level, String codebookId) throws EdgyException {
        if (!level.kind.equals("identity")) {
            return null;
        }
        check(level);
        try {
            VoiceFile file = new VoiceFile(Streams.readAll(voice));
            check(file, codebookId);
            return file.voice;
        } catch (EdgyException error) {
            throw error;
        } catch (IOException error) {
            throw new EdgyException.Storage("cannot read " + voice + ": " + error.getMessage(), error);
        }
    }

    /** @throws EdgyException.Consent the level is {@code identity}, and the voice is not allowed to leave. */
    void check(Level level) throws EdgyException.Consent {
        if (level.kind.equals("identity") && !isAllowed()) {
            throw new EdgyException.Consent(
                    "level identity sends your voice, which tells who you are; choose its file and agree first");
        }
    }

    private static void check(VoiceFile file, String codebookId) throws EdgyException.Model {
        if (!file.codebookId.equals(codebookId)) {
            throw new EdgyException.Model(
                    "this voice is of codebook " + file.codebookId + ", not " + codebookId + "; enrol it again", null);
        }
    }

    private static void remove(File file) throws IOException {
        if (file.exists() && !file.delete()) {
            throw new IOException("it cannot be removed");
        }
    }
}
