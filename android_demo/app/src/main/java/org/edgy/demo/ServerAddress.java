package org.edgy.demo;

import java.net.URI;
import java.util.Locale;

/** The address of a cloud as a person types it. */
final class ServerAddress {
    private ServerAddress() {}

    /**
     * The address of its WebSocket: {@code cloud.example} becomes {@code wss://cloud.example}.
     *
     * @throws IllegalArgumentException it is no address.
     */
    static String normalise(String typed) {
        String text = typed.trim();
        int scheme = text.indexOf("://");
        String host = scheme < 0 ? text : text.substring(scheme + 3);
        String name = scheme < 0 ? "wss" : text.substring(0, scheme).toLowerCase(Locale.ROOT);
        if (name.equals("http") || name.equals("https")) {
            name = name.equals("http") ? "ws" : "wss";
        }
        String address = name + "://" + host.replaceAll("/+$", "");
        URI uri = URI.create(address);
        boolean known = name.equals("ws") || name.equals("wss");
        if (!known || uri.getHost() == null || uri.getUserInfo() != null || address.endsWith(":")) {
            throw new IllegalArgumentException("no address: " + typed);
        }
        return address;
    }

    /** Whether nobody on the way can read along. */
    static boolean isEncrypted(String address) {
        return address.startsWith("wss://");
    }
}
