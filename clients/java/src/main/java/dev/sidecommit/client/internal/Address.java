package dev.sidecommit.client.internal;

/** Where a sidecar listens, as gRPC wants it. */
public record Address(String target, boolean socket) {
    /** Where a sidecar listens unless something else is said. */
    public static final String DEFAULT = "unix:///run/sidecommit/api.sock";

    private static final String UNIX = "unix:";

    /**
     * What is given, else what the environment says, else the default; null and empty: not given.
     */
    public static Address choose(String given, String environment) {
        if (given != null && !given.isEmpty()) {
            return parse(given);
        }
        return parse(environment != null && !environment.isEmpty() ? environment : DEFAULT);
    }

    /**
     * Accepted: {@code unix:///path}, {@code unix:/path}, {@code host:port}, also with {@code
     * tcp://} or {@code http://}.
     */
    public static Address parse(String address) {
        if (address.startsWith(UNIX)) {
            String path = address.substring(UNIX.length());
            path = path.startsWith("//") ? path.substring(2) : path;
            if (!path.startsWith("/") || path.length() == 1) {
                throw wrong(address);
            }
            return new Address(UNIX + path, true);
        }
        String place = address.replaceFirst("^(tcp|http)://", "").replaceFirst("/$", "");
        if (!place.matches("(\\[[0-9A-Fa-f:.%]+]|[^/:\\s]+):\\d{1,5}")) {
            throw wrong(address);
        }
        return new Address("dns:///" + place, false);
    }

    private static IllegalArgumentException wrong(String address) {
        return new IllegalArgumentException(
                "address " + address + ": expected unix:///path or host:port");
    }
}
