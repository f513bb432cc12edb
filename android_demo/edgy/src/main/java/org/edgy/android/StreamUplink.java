package org.edgy.android;

import java.io.IOException;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import okhttp3.Interceptor;
import okhttp3.OkHttpClient;
import okhttp3.Request;
import okhttp3.Response;
import okhttp3.WebSocket;
import okhttp3.WebSocketListener;
import okio.ByteString;
import org.json.JSONException;
import org.json.JSONObject;

/**
 * A stream to the cloud over a WebSocket, while it is being spoken; goes on where it stopped when the network returns.
 *
 * <p>Protocol (docs/cloud.md): {@code open}, answered by {@code ready} with the number of the packet that the cloud
 * expects next; the header; packets from that number on, acknowledged; at last {@code done}. Each packet has its
 * sequence number, so it counts once however often it is sent.
 */
final class StreamUplink {
    private static final int POLICY_VIOLATION = 1008;
    private static final Event GREW = new Event(Event.GREW, null, null, 0);

    /** What happens to a connection, in the order in which it does. */
    private static final class Event {
        static final int GREW = 0;
        static final int TEXT = 1;
        static final int SPEECH = 2;
        static final int CLOSED = 3;
        final int kind;
        final String text;
        final ByteString bytes;
        final int code;

        Event(int kind, String text, ByteString bytes, int code) {
            this.kind = kind;
            this.text = text;
            this.bytes = bytes;
            this.code = code;
        }
    }

    private static final class Events extends WebSocketListener {
        final LinkedBlockingQueue<Event> queue = new LinkedBlockingQueue<>();

        @Override
        public void onMessage(WebSocket socket, String text) {
            queue.add(new Event(Event.TEXT, text, null, 0));
        }

        @Override
        public void onMessage(WebSocket socket, ByteString bytes) {
            queue.add(new Event(Event.SPEECH, null, bytes, 0));
        }

        @Override
        public void onClosing(WebSocket socket, int code, String reason) {
            queue.add(new Event(Event.CLOSED, reason, null, code));
        }

        @Override
        public void onFailure(WebSocket socket, Throwable error, Response response) {
            String reason = "no connection (" + error.getMessage() + ")";
            if (response != null) {
                int status = response.code();
                reason = "the cloud answers " + status + (status == 401 || status == 403 ? "; check the token" : "");
            }
            queue.add(new Event(Event.CLOSED, reason, null, 0));
        }
    }

    private final OkHttpClient client;
    private final Request request;
    private final String destination;
    private final Ledger ledger;
    private final EdgyStream.Listener listener;
    private final long replyMs;

    /**
     * The cloud at {@code url}.
     *
     * @param url {@code ws://} or {@code wss://}; {@code /v1/stream} is added.
     * @param token bearer token, or empty.
     * @param ledger records each message before it leaves.
     * @param listener is told what the cloud has understood, and given its speech.
     * @param replyMs longest silence of the cloud.
     * @throws IllegalArgumentException no such address, or no such token.
     */
    StreamUplink(String url, String token, Ledger ledger, EdgyStream.Listener listener, long replyMs) {
        URI address = URI.create(url);
        if (address.getHost() == null || !("ws".equals(address.getScheme()) || "wss".equals(address.getScheme()))) {
            throw new IllegalArgumentException("a cloud's address is ws://HOST:PORT or wss://HOST, not " + url);
        }
        destination = address.getPort() < 0 ? address.getHost() : address.getHost() + ":" + address.getPort();
        Request.Builder builder = new Request.Builder().url(url.replaceAll("/+$", "") + "/v1/stream");
        // All headers are named here, so that OkHttp adds none and the ledger has the request as it leaves.
        builder.header("Host", destination).header("Accept-Encoding", "identity").header("User-Agent", "edgy-android");
        if (!token.isEmpty()) {
            builder.header("Authorization", "Bearer " + token);
        }
        request = builder.build();
        // A redirect would take the token and the codes to another host.
        client = new OkHttpClient.Builder()
                .followRedirects(false)
                .followSslRedirects(false)
                .readTimeout(0, TimeUnit.MILLISECONDS)
                .build();
        this.ledger = ledger;
        this.listener = listener;
        this.replyMs = replyMs;
    }

    /**
     * Deliver an utterance, waiting for those of its packets that are not there yet.
     *
     * @return what the cloud has understood.
     * @throws EdgyException.Rejected it does not want the stream.
     * @throws EdgyException.Uplink it is away or in trouble; or the utterance was dropped.
     * @throws EdgyException.Storage the ledger cannot be written, so nothing was sent.
     */
    String deliver(final Utterance utterance) throws EdgyException, InterruptedException {
        final Events events = new Events();
        OkHttpClient recorded = client.newBuilder().addInterceptor(new Interceptor() {
            @Override
            public Response intercept(Chain chain) throws IOException {
                // Messages may be compressed where this is offered, and the ledger would not know their bytes.
                Request plain = chain.request().newBuilder().removeHeader("Sec-WebSocket-Extensions").build();
                ledger.record(Ledger.CONTROL, size(plain), utterance, destination);
                return chain.proceed(plain);
            }
        }).build();
        WebSocket socket = recorded.newWebSocket(request, events);
        utterance.listen(new Runnable() {
            @Override
            public void run() {
                events.queue.add(GREW);
            }
        });
        boolean done = false;
        try {
            String text = new Conversation(socket, events, utterance).run();
            done = true;
            return text;
        } finally {
            utterance.listen(null);
            socket.close(1000, null);
            if (!done) {
                socket.cancel();
            }
        }
    }

    /** Start nothing more. */
    void close() {
        client.dispatcher().executorService().shutdown();
    }

    private static int size(Request request) {
        int size = "GET  HTTP/1.1\r\n\r\n".length() + request.url().encodedPath().length();
        for (int i = 0; i < request.headers().size(); i++) {
            size += request.headers().name(i).length() + request.headers().value(i).length() + ": \r\n".length();
        }
        return size;
    }

    /** One connection. */
    private final class Conversation {
        private final WebSocket socket;
        private final Events events;
        private final Utterance utterance;
        private String trouble = "";
        private boolean headerSent;
        private int next = -1; // -1: the cloud is not ready yet

        Conversation(WebSocket socket, Events events, Utterance utterance) {
            this.socket = socket;
            this.events = events;
            this.utterance = utterance;
        }

        String run() throws EdgyException, InterruptedException {
            open();
            long heard = System.nanoTime();
            while (true) {
                long left = replyMs - TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - heard);
                Event event = events.queue.poll(Math.max(left, 0), TimeUnit.MILLISECONDS);
                if (event == null) {
                    throw new EdgyException.Uplink("the cloud is silent");
                }
                if (event.kind != Event.GREW) {
                    heard = System.nanoTime();
                }
                if (event.kind == Event.CLOSED) {
                    throw closed(event);
                }
                if (event.kind == Event.SPEECH) {
                    speech(event.bytes);
                } else if (event.kind == Event.TEXT) {
                    String text = message(event.text);
                    if (text != null) {
                        return text;
                    }
                }
                sendPackets();
            }
        }

        private void open() throws EdgyException {
            try {
                JSONObject opening = new JSONObject();
                opening.put("type", "open").put("stream", utterance.stream).put("level", utterance.level.kind);
                if (!utterance.level.voice.isEmpty()) {
                    opening.put("voice", utterance.level.voice);
                }
                String text = opening.put("speech", utterance.speech).toString();
                ledger.record(Ledger.CONTROL, text.getBytes(StandardCharsets.UTF_8).length, utterance, destination);
                socket.send(text);
            } catch (JSONException error) {
                throw new AssertionError(error);
            }
        }

        /** What the cloud says; its last text once it is done, else null. */
        private String message(String json) throws EdgyException {
            try {
                JSONObject message = new JSONObject(json);
                String type = message.getString("type");
                if (type.equals("done")) {
                    return message.optString("text");
                }
                if (type.equals("ready")) {
                    next = message.getInt("next");
                    if (next < 0) {
                        throw new JSONException("no packet has such a number");
                    }
                    if (utterance.isEnded() && next > utterance.size()) {
                        // A power cut has taken packets that the cloud had got; it will wait for them for ever.
                        throw new EdgyException.Rejected(
                                "the cloud expects packet " + next + " of " + utterance.size());
                    }
                } else if (type.equals("transcript")) {
                    listener.onText(utterance.stream, message.optString("text"), message.optBoolean("final"));
                } else if (type.equals("error")) {
                    trouble = oneLine(message.optString("message"));
                }
                return null;
            } catch (JSONException error) {
                throw new EdgyException.Uplink("the cloud says what is no message; is it an EDGY cloud?");
            }
        }

        private void sendPackets() throws EdgyException {
            if (utterance.isDropped()) {
                throw new EdgyException.Uplink("the utterance was dropped");
            }
            byte[] header = utterance.header();
            if (next < 0 || header == null) {
                return;
            }
            if (!headerSent) {
                headerSent = true;
                ledger.record(Ledger.HEADER, header.length, utterance, destination);
                socket.send(ByteString.of(header));
            }
            for (byte[] packet; (packet = utterance.packet(next)) != null; next++) {
                ledger.packet(packet, utterance, destination);
                socket.send(ByteString.of(packet));
            }
        }

        private void speech(ByteString bytes) {
            short[] pcm = new short[bytes.size() / 2];
            ByteBuffer.wrap(bytes.toByteArray()).order(ByteOrder.LITTLE_ENDIAN).asShortBuffer().get(pcm);
            listener.onSpeech(utterance.stream, pcm);
        }

        private EdgyException closed(Event event) {
            String reason = trouble.isEmpty() ? oneLine(event.text) : trouble;
            reason = reason.isEmpty() ? "the connection broke" : reason;
            return event.code == POLICY_VIOLATION
                    ? new EdgyException.Rejected(reason)
                    : new EdgyException.Uplink(reason);
        }
    }

    /** What a stranger says, fit for one line. */
    static String oneLine(String text) {
        String line = text.replaceAll("[\\p{Cntrl}\\s]+", " ").trim();
        return line.length() > 200 ? line.substring(0, 200) : line;
    }
}
