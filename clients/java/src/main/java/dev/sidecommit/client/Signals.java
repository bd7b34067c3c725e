package dev.sidecommit.client;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * SIGTERM and SIGINT, for as long as something is to be stopped by them. A second one does what it
 * did before: a handler that hangs can be killed. By reflection, as {@code sun.misc.Signal} is not
 * part of every Java.
 */
final class Signals implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(Signals.class.getName());
    private static final List<String> NAMES = List.of("TERM", "INT");

    /** What is to be stopped, in all of the Java machine. */
    private static final List<Signals> ACTIVE = new ArrayList<>();

    /** What was there before: by signal, its handler. */
    private static final Map<Object, Object> BEFORE = new HashMap<>();

    private final Runnable stop;

    private Signals(Runnable stop) {
        this.stop = stop;
    }

    /** Calls it on a signal, until this is closed. */
    static Signals onStop(Runnable stop) {
        Signals signals = new Signals(stop);
        synchronized (ACTIVE) {
            if (ACTIVE.isEmpty()) {
                NAMES.forEach(Signals::install);
            }
            ACTIVE.add(signals);
        }
        return signals;
    }

    @Override
    public void close() {
        synchronized (ACTIVE) {
            ACTIVE.remove(this);
            if (ACTIVE.isEmpty()) {
                restore();
            }
        }
    }

    private static void raised() {
        synchronized (ACTIVE) {
            restore();
            ACTIVE.forEach(signals -> signals.stop.run());
        }
    }

    private static void install(String name) {
        try {
            Class<?> type = Class.forName("sun.misc.SignalHandler");
            InvocationHandler called =
                    (proxy, method, arguments) ->
                            switch (method.getName()) {
                                case "handle" -> {
                                    raised();
                                    yield null;
                                }
                                case "equals" -> proxy == arguments[0];
                                case "hashCode" -> System.identityHashCode(proxy);
                                default -> "Sidecommit's handler";
                            };
            Object handler =
                    Proxy.newProxyInstance(
                            Signals.class.getClassLoader(), new Class<?>[] {type}, called);
            Object signal =
                    Class.forName("sun.misc.Signal").getConstructor(String.class).newInstance(name);
            BEFORE.put(signal, handle(signal, handler));
        } catch (ReflectiveOperationException | IllegalArgumentException e) {
            LOG.log(System.Logger.Level.WARNING, "SIG" + name + " does not stop the processing", e);
        }
    }

    private static void restore() {
        BEFORE.forEach(
                (signal, before) -> {
                    try {
                        handle(signal, before);
                    } catch (ReflectiveOperationException e) {
                        LOG.log(
                                System.Logger.Level.WARNING,
                                "the handler of " + signal + " cannot be restored",
                                e);
                    }
                });
        BEFORE.clear();
    }

    private static Object handle(Object signal, Object handler)
            throws ReflectiveOperationException {
        Method handle =
                signal.getClass()
                        .getMethod(
                                "handle",
                                signal.getClass(),
                                Class.forName("sun.misc.SignalHandler"));
        try {
            return handle.invoke(null, signal, handler);
        } catch (InvocationTargetException e) {
            // Where the Java machine was told to leave signals alone (-Xrs).
            throw new IllegalArgumentException(e.getCause());
        }
    }
}
