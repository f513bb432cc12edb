package org.edgy.android;

import android.content.Context;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import org.json.JSONException;
import org.json.JSONObject;

/**
 * How to feed an encoder, and what its codes mean: {@code edgy.json}, which lies behind the model in the same file, as
 * TFLite's associated files do.
 */
public final class ModelInfo {
    private static final String MEMBER = "edgy.json";
    private static final int END_OF_ZIP = 0x06054b50;
    private static final int END_SIZE = 22;

    /** Name of the architecture. */
    public final String preset;
    /** {@code float32}, {@code int8}, ... */
    public final String variant;
    /** Codebook of the codes, 16 hexadecimal characters. */
    public final String codebookId;
    /** Number of codes K. */
    public final int codebookSize;
    /** Of the audio, Hz. */
    public final int sampleRate;
    /** Audio samples that one code stands for. */
    public final int samplesPerCode;
    /** Codes that one run of the model gives. */
    public final int block;
    /** Samples that one run of the model takes. */
    public final int window;
    /** Samples of the window that lie before the block's own; less than none where the model remembers them. */
    public final int before;
    /** Runs at the beginning of a stream whose codes mean nothing, because the model still remembers another. */
    public final int warmUp;
    /** Samples of a frame of the {@link Leveller} that speech goes through first; 0 for none. */
    final int levelledFrame;

    private ModelInfo(JSONObject json) throws JSONException {
        preset = json.getString("preset");
        variant = json.getString("variant");
        codebookId = json.getString("codebook_id");
        codebookSize = json.getInt("codebook_size");
        sampleRate = json.getInt("sample_rate");
        samplesPerCode = json.getInt("samples_per_code");
        block = json.getInt("block");
        window = json.getInt("window");
        before = json.getInt("before");
        warmUp = json.optInt("warm_up");
        levelledFrame = json.optBoolean("levelled") ? json.getJSONObject("front_end").getInt("hop") : 0;
    }

    /** Samples from one run's window to the next one's. */
    public int advance() {
        return block * samplesPerCode;
    }

    /** Samples of silence that a stream begins with, for the first block to have a past. */
    int silence() {
        return before + warmUp * advance();
    }

    /** Milliseconds of sound after a code's own that must be heard before the code is known. */
    public double lookaheadMs() {
        return 1000.0 * (window - before - advance()) / sampleRate;
    }

    /** What a stream of these codes begins with. */
    StreamHeader header() {
        return new StreamHeader(codebookId, codebookSize, sampleRate, samplesPerCode);
    }

    /**
     * Read what lies behind the encoder of a release, as {@link EdgyEncoder#create} finds it, without loading it.
     *
     * @throws EdgyException.Model no such release.
     */
    public static ModelInfo ofRelease(Context context, String release) throws EdgyException.Model {
        return read(EdgyEncoder.model(context, release));
    }

    /**
     * Read what lies behind a model.
     *
     * @param model the bytes of the {@code .tflite}.
     * @throws EdgyException.Model not an encoder of ours.
     */
    public static ModelInfo read(byte[] model) throws EdgyException.Model {
        try {
            ModelInfo info = new ModelInfo(new JSONObject(member(model)));
            boolean past = info.warmUp >= 0 && info.silence() >= 0;
            if (!past || info.levelledFrame < 0 || info.advance() < 1 || info.window < info.before + info.advance()) {
                throw new JSONException("impossible geometry");
            }
            info.header();
            return info;
        } catch (IOException | JSONException | IllegalArgumentException | IndexOutOfBoundsException error) {
            throw new EdgyException.Model("not an EDGY encoder; make one with: edgy export", error);
        }
    }

    /** By hand, because Android's ZipFile wants a file and need not accept one that begins with something else. */
    private static String member(byte[] file) throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN);
        int end = file.length - END_SIZE;
        if (bytes.getInt(end) != END_OF_ZIP) {
            throw new IOException("no zip behind the model");
        }
        int directory = bytes.getInt(end + 16);
        int first = bytes.getInt(directory + 42);
        if (first < 0 || first > end) {
            throw new IOException("the zip behind the model is damaged");
        }
        try (ZipInputStream zip = new ZipInputStream(new ByteArrayInputStream(file, first, file.length - first))) {
            ZipEntry entry;
            while ((entry = zip.getNextEntry()) != null) {
                if (entry.getName().equals(MEMBER)) {
                    ByteArrayOutputStream text = new ByteArrayOutputStream();
                    Streams.copy(zip, text);
                    return new String(text.toByteArray(), StandardCharsets.UTF_8);
                }
            }
        }
        throw new IOException("no " + MEMBER + " behind the model");
    }
}
