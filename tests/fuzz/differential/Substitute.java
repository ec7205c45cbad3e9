import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.TimeZone;
import org.apache.logging.log4j.core.LogEvent;
import org.apache.logging.log4j.core.impl.Log4jLogEvent;
import org.apache.logging.log4j.core.lookup.Interpolator;
import org.apache.logging.log4j.core.lookup.StrLookup;
import org.apache.logging.log4j.core.lookup.StrSubstitutor;
import org.apache.logging.log4j.core.lookup.LowerLookup;
import org.apache.logging.log4j.core.lookup.UpperLookup;

/** One substitution of each line of standard input by the library's own classes: 1, a tab and the first jndi key, or 0. Only `jndi`
    is replaced, by a lookup which notes its key. One pass; the loop of passes is not in these versions. */
public final class Substitute {
    private static String first;

    public static void main(String[] args) throws Exception {
        Locale.setDefault(Locale.ENGLISH);
        TimeZone.setDefault(TimeZone.getTimeZone("UTC"));
        Map<String, StrLookup> lookups = new HashMap<>();
        lookups.put("jndi", new StrLookup() {
            @Override public String lookup(String key) {
                if (first == null)
                    first = key;
                return null;
            }
            @Override public String lookup(LogEvent event, String key) {
                return lookup(key);
            }
        });
        lookups.put("lower", new LowerLookup());
        lookups.put("upper", new UpperLookup());
        Map<String, String> defaults = new HashMap<>();
        defaults.put("hostName", "host");
        defaults.put("contextName", "ctx");
        StrLookup prefixes = new StrLookup() {
            @Override public String lookup(String name) {
                return lookup(null, name);
            }
            @Override public String lookup(LogEvent event, String name) {
                int colon = name.indexOf(':');
                if (colon < 0)
                    return defaults.get(name);
                StrLookup found = lookups.get(name.substring(0, colon).toLowerCase(Locale.ROOT));
                String value = found == null ? null : found.lookup(event, name.substring(colon + 1));
                return value != null ? value : defaults.get(name.substring(colon + 1));
            }
        };
        StrSubstitutor substitutor = new StrSubstitutor(prefixes);
        substitutor.setEnableSubstitutionInVariables(true);
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        PrintStream out = new PrintStream(System.out, false, "UTF-8");
        for (String line; (line = in.readLine()) != null;) {
            first = null;
            try {
                substitutor.replace(line);
            } catch (RuntimeException | StackOverflowError end) {
                // the event is lost; what was looked up before counts
            }
            out.println(first == null ? "0" : "1\t" + first);
        }
        out.flush();
    }
}
