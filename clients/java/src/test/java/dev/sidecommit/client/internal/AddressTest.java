package dev.sidecommit.client.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class AddressTest {
    @ParameterizedTest
    @ValueSource(strings = {"unix:///run/x.sock", "unix:/run/x.sock"})
    void a_socket_has_two_spellings(String address) {
        assertEquals(new Address("unix:/run/x.sock", true), Address.parse(address));
    }

    @ParameterizedTest
    @CsvSource({
        "127.0.0.1:9000, dns:///127.0.0.1:9000",
        "tcp://localhost:9000, dns:///localhost:9000",
        "http://localhost:9000/, dns:///localhost:9000",
        "[::1]:9000, dns:///[::1]:9000"
    })
    void a_place_may_have_a_scheme(String address, String target) {
        assertEquals(new Address(target, false), Address.parse(address));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"", "localhost", "unix:", "unix://relative", "https://localhost:1", "a b:1"})
    void what_is_no_address_is_refused(String address) {
        assertThrows(IllegalArgumentException.class, () -> Address.parse(address));
    }

    @Test
    void what_is_given_comes_before_the_environment_and_that_before_the_default() {
        assertEquals(Address.parse("a:1"), Address.choose("a:1", "b:2"));
        assertEquals(Address.parse("b:2"), Address.choose(null, "b:2"));
        assertEquals(Address.parse(Address.DEFAULT), Address.choose("", ""));
        assertFalse(Address.choose(null, "b:2").socket());
    }
}
