package org.edgy.android;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;

/** The level that the user has chosen, kept in a file; obeyed from the next utterance on. */
public final class ChosenLevel {
    private final File file;
    private final OwnVoice voice;

    /**
     * The choice in {@code file}, which is made where it is missing.
     *
     * @param voice without which, and the user's consent, level {@code identity} is neither chosen nor obeyed.
     */
    public ChosenLevel(File file, OwnVoice voice) {
        this.file = file;
        this.voice = voice;
    }

    /**
     * The level of an utterance that begins now; where none was chosen, or it cannot be read or is not allowed any
     * more, the most private.
     */
    public Level current() {
        try {
            Level level = Level.parse(new String(Streams.readAll(file), StandardCharsets.UTF_8));
            voice.check(level);
            return level;
        } catch (IOException | IllegalArgumentException error) {
            return Level.TEXT;
        }
    }

    /**
     * Obey {@code level} from the next utterance on.
     *
     * @throws EdgyException.Consent it is {@code identity}, and the user's voice is missing or must not leave.
     * @throws EdgyException.Storage the choice cannot be written; the one before stays.
     */
    public void choose(Level level) throws EdgyException {
        voice.check(level);
        try {
            StateFiles.replace(file, level.toString().getBytes(StandardCharsets.UTF_8));
        } catch (IOException error) {
            throw new EdgyException.Storage("cannot write " + file + ": " + error.getMessage(), error);
        }
    }
}
