package org.edgy.android;

import java.util.Arrays;
import java.util.Collections;
import java.util.List;

/** A privacy level: what the cloud may do with a stream. */
public final class Level {
    /** From the most private on: words; speech in a new blend each time; in that of a name; in one's own voice. */
    public static final List<String> KINDS =
            Collections.unmodifiableList(Arrays.asList("text", "anonymous", "pseudonym", "identity"));
    /** The most private one. */
    public static final Level TEXT = new Level("text", "");

    /** One of {@link #KINDS}. */
    public final String kind;
    /** The name of a pseudonym; empty for the other kinds. */
    public final String voice;

    private Level(String kind, String voice) {
        this.kind = kind;
        this.voice = voice;
    }

    /**
     * A level as a person writes it: {@code text}, {@code anonymous}, {@code pseudonym:NAME} or {@code identity}.
     *
     * @throws IllegalArgumentException none of these.
     */
    public static Level parse(String text) {
        int colon = text.indexOf(':');
        String kind = colon < 0 ? text : text.substring(0, colon);
        String voice = colon < 0 ? "" : text.substring(colon + 1);
        boolean fits = kind.equals("pseudonym") ? voice.matches("[A-Za-z0-9_-]{1,64}") : colon < 0;
        if (!fits || !KINDS.contains(kind)) {
            throw new IllegalArgumentException("no privacy level '" + text
                    + "'; choose text, anonymous, pseudonym:NAME (letters, digits, - and _) or identity");
        }
        return new Level(kind, voice);
    }

    @Override
    public String toString() {
        return voice.isEmpty() ? kind : kind + ":" + voice;
    }
}
