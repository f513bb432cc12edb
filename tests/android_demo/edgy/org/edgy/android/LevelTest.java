package org.edgy.android;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.fail;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import org.junit.Rule;
import org.junit.Test;
import org.junit.rules.TemporaryFolder;

public class LevelTest {
    @Rule
    public final TemporaryFolder folder = new TemporaryFolder();

    @Test
    public void aLevelIsWrittenAsItIsRead() {
        for (String text : new String[] {"text", "anonymous", "pseudonym:kitchen-2_B", "identity"}) {
            assertEquals(text, Level.parse(text).toString());
        }
        assertEquals("kitchen", Level.parse("pseudonym:kitchen").voice);
    }

    @Test
    public void anythingElseIsRefused() {
        String wrong = ",Text,text:,text:x,pseudonym,pseudonym:,pseudonym:a b,pseudonym:a.b,identity:x,loud";
        for (String text : wrong.split(",")) {
            try {
                Level.parse(text);
                fail(text + " was accepted");
            } catch (IllegalArgumentException error) {
                // As it should be.
            }
        }
    }

    private ChosenLevel choice(File file) {
        return new ChosenLevel(file, new OwnVoice(folder.getRoot()));
    }

    @Test
    public void aChoiceOutlivesTheProcessAndADamagedOneIsTheMostPrivate() throws IOException {
        File file = new File(folder.getRoot(), "state/level");
        assertEquals("text", choice(file).current().toString());
        choice(file).choose(Level.parse("pseudonym:phone"));
        assertEquals("pseudonym:phone", choice(file).current().toString());
        Files.write(file.toPath(), "pseudonym:".getBytes(StandardCharsets.UTF_8));
        assertEquals("text", choice(file).current().toString());
    }

    @Test
    public void aChoiceThatCannotBeWrittenIsTold() throws IOException {
        File occupied = folder.newFile("occupied");
        try {
            choice(new File(occupied, "level")).choose(Level.TEXT);
            fail("it was written into a file");
        } catch (EdgyException.Storage error) {
            // As it should be.
        }
    }
}
