package org.edgy.android;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.IntBuffer;
import org.tensorflow.lite.Interpreter;

/** TensorFlow Lite's interpreter with XNNPACK, on one thread: of the golden family {@code xnnpack}. */
final class TfliteInference implements Inference {
    private final Interpreter interpreter;
    private final ByteBuffer input;
    private final ByteBuffer output;
    private final FloatBuffer samples;
    private final IntBuffer results;

    /**
     * Load a model.
     *
     * @param model the bytes of the {@code .tflite}.
     * @param info what the model says of itself.
     * @throws EdgyException.Model it does not run here.
     */
    TfliteInference(byte[] model, ModelInfo info) throws EdgyException.Model {
        ByteBuffer direct = direct(model.length);
        direct.put(model);
        direct.rewind();
        try {
            Interpreter.Options options = new Interpreter.Options();
            options.setNumThreads(1);
            options.setUseXNNPACK(true);
            interpreter = new Interpreter(direct, options);
        } catch (RuntimeException error) {
            throw new EdgyException.Model("TensorFlow Lite does not run this encoder: " + error.getMessage(), error);
        }
        input = direct(Float.BYTES * info.window);
        output = direct(Integer.BYTES * info.block);
        samples = input.asFloatBuffer();
        results = output.asIntBuffer();
    }

    @Override
    public void run(float[] window, int[] codes) {
        samples.rewind();
        samples.put(window);
        input.rewind();
        output.rewind();
        interpreter.run(input, output);
        results.rewind();
        results.get(codes);
    }

    @Override
    public void close() {
        interpreter.close();
    }

    private static ByteBuffer direct(int size) {
        return ByteBuffer.allocateDirect(size).order(ByteOrder.nativeOrder());
    }
}
