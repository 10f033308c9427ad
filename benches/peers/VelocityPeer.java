// Renders a template with Apache Velocity, for `edgeway-bench`: once to show what comes out, then
// for a while to warm up, then for as long again, measured. What the gateway's objects are to a
// template, the classes below are. The body is read by Jackson for each rendering, as each request
// brings its own; or once before measuring (`maps`), which no gateway can do.

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.StringWriter;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.Map;
import org.apache.commons.lang.StringEscapeUtils;
import org.apache.velocity.Template;
import org.apache.velocity.VelocityContext;
import org.apache.velocity.app.VelocityEngine;

public class VelocityPeer {
    public static class Input {
        private final String text;
        private Object body;

        Input(String text, Object body) {
            this.text = text;
            this.body = body;
        }

        public Object path(String path) throws Exception {
            if (body == null) {
                body = JSON.readValue(text, Object.class);
            }
            return body;
        }

        public String params(String name) {
            return "u-7";
        }
    }

    public static class Util {
        public String escapeJavaScript(String text) {
            return StringEscapeUtils.escapeJavaScript(text);
        }
    }

    private static final long WARM_RENDERS = 20_000;

    private static final ObjectMapper JSON = new ObjectMapper();

    private final Template template;
    private final String text;
    private final Object body;

    private VelocityPeer(String folder, String name, String text, boolean maps) throws Exception {
        VelocityEngine engine = new VelocityEngine();
        engine.setProperty("resource.loader", "file");
        engine.setProperty("file.resource.loader.path", folder);
        engine.setProperty("file.resource.loader.cache", "true");
        engine.setProperty(
            "runtime.log.logsystem.class", "org.apache.velocity.runtime.log.NullLogChute");
        engine.init();
        template = engine.getTemplate(name);
        this.text = text;
        this.body = maps ? JSON.readValue(text, Object.class) : null;
    }

    private String render() {
        VelocityContext context = new VelocityContext();
        context.put("input", new Input(text, body));
        context.put("util", new Util());
        context.put("context", CONTEXT);
        context.put("stageVariables", STAGE_VARIABLES);
        StringWriter writer = new StringWriter();
        template.merge(context, writer);
        return writer.toString();
    }

    private static final Map<String, Object> CONTEXT =
        Map.of("requestId", "r-1", "identity", Map.of("sourceIp", "192.0.2.1"));
    private static final Map<String, String> STAGE_VARIABLES = Map.of("colour", "green");

    private static long cpuNanos() {
        var bean = ManagementFactory.getOperatingSystemMXBean();
        return ((com.sun.management.OperatingSystemMXBean) bean).getProcessCpuTime();
    }

    private long renderFor(double seconds) {
        long end = System.nanoTime() + (long) (seconds * 1e9);
        long renders = 0;
        long length = 0;
        while (System.nanoTime() < end) {
            for (int i = 0; i < 100; i++) {
                length += render().length();
            }
            renders += 100;
        }
        if (length == 0) {
            throw new IllegalStateException("nothing was rendered");
        }
        return renders;
    }

    public static void main(String[] args) throws Exception {
        String body = new String(Files.readAllBytes(Paths.get(args[2])), "UTF-8");
        boolean maps = args[3].equals("maps");
        VelocityPeer peer = new VelocityPeer(args[0], args[1], body, maps);
        if (args.length == 4) {
            System.out.print(peer.render());
            return;
        }
        double seconds = Double.parseDouble(args[4]);
        // Long enough for the compiler, on a busy machine too.
        for (long renders = 0; renders < WARM_RENDERS;) {
            renders += peer.renderFor(0.5);
        }
        long cpu = cpuNanos();
        long start = System.nanoTime();
        long renders = peer.renderFor(seconds);
        double wall = (System.nanoTime() - start) / 1e9;
        System.out.println(renders + " " + (cpuNanos() - cpu) / 1e9 + " " + wall);
    }
}
