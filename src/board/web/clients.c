/* Connections: who is there, how long, and which are too slow to keep. */
#include "board/web/web_int.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define IDLE_MS 30000         /* between requests, and for all headers of one together */
#define HALF_MS 500           /* a client that will send no more, and asked for nothing whole */
#define BODY_GRACE_MS 30000   /* a body may take this long, and more as it grows: */
#define BODY_BYTES_PER_S 2048 /* slower than any line people work on */
#define SEND_GRACE_MS 60000   /* the same for answers */
#define SEND_BYTES_PER_S 2048
#define LINGER_MS 30000 /* how long a refused body is read on */

void clients_init(struct clients *c)
{
    *c = (struct clients){0};
    (void)pthread_mutex_init(&c->lock, NULL);
}

void clients_done(struct clients *c)
{
    for (size_t i = 0; i < c->linger_count; i++)
        (void)close(c->lingering[i]);
    (void)pthread_mutex_destroy(&c->lock);
}

void client_phase(struct client *c, enum client_phase phase, uint64_t bytes)
{
    atomic_store(&c->bytes, bytes);
    atomic_store(&c->held, false);
    atomic_store(&c->moved_ms, time_monotonic_ms());
    atomic_store(&c->since_ms, time_monotonic_ms());
    atomic_store(&c->phase, phase);
}

/* The address as text; IPv4 that came over an IPv6 socket as IPv4. */
static void address_text(const struct sockaddr *addr, char out[64])
{
    (void)snprintf(out, 64, "?");
    if (addr->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, addr, sizeof in);
        (void)inet_ntop(AF_INET, &in.sin_addr, out, 64);
    } else if (addr->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, addr, sizeof in6);
        if (IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr))
            (void)inet_ntop(AF_INET, in6.sin6_addr.s6_addr + 12, out, 64);
        else
            (void)inet_ntop(AF_INET6, &in6.sin6_addr, out, 64);
    }
}

bool clients_admit(struct web *w, const struct sockaddr *addr)
{
    char text[64];
    size_t same = 0;
    address_text(addr, text);
    if (web_is_proxy(w, text))
        return true;
    (void)pthread_mutex_lock(&w->clients.lock);
    for (const struct client *c = w->clients.first; c; c = c->next)
        same += strcmp(c->address, text) == 0;
    (void)pthread_mutex_unlock(&w->clients.lock);
    return same < LIMIT_WEB_PER_ADDRESS;
}

static void arrive(struct clients *all, struct MHD_Connection *conn, void **socket_context)
{
    const union MHD_ConnectionInfo *fd =
        MHD_get_connection_info(conn, MHD_CONNECTION_INFO_CONNECTION_FD);
    const union MHD_ConnectionInfo *addr =
        MHD_get_connection_info(conn, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    struct client *c = calloc(1, sizeof *c);
    *socket_context = c;
    if (!c)
        return; /* the request will be refused */
    c->fd = fd ? fd->connect_fd : -1;
    c->linger = -1;
    if (addr)
        address_text(addr->client_addr, c->address);
    unsigned dead_ms = 60000; /* a peer that vanished is noticed while streams are sent to it */
    (void)setsockopt(c->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &dead_ms, sizeof dead_ms);
    client_phase(c, CLIENT_IDLE, 0);
    (void)pthread_mutex_lock(&all->lock);
    c->next = all->first;
    if (all->first)
        all->first->prev = c;
    all->first = c;
    all->count++;
    (void)pthread_mutex_unlock(&all->lock);
}

static void leave(struct clients *all, struct client *c)
{
    (void)pthread_mutex_lock(&all->lock);
    if (c->prev)
        c->prev->next = c->next;
    else
        all->first = c->next;
    if (c->next)
        c->next->prev = c->prev;
    all->count--;
    if (c->linger >= 0) {
        if (all->linger_count < ARRAY_LEN(all->lingering)) {
            all->linger_until[all->linger_count] = time_monotonic_ms() + LINGER_MS;
            all->lingering[all->linger_count++] = c->linger;
        } else {
            (void)close(c->linger);
        }
    }
    (void)pthread_mutex_unlock(&all->lock);
    free(c);
}

void clients_notify(void *cls, struct MHD_Connection *conn, void **socket_context,
                    enum MHD_ConnectionNotificationCode code)
{
    struct web *w = cls;
    if (code == MHD_CONNECTION_NOTIFY_STARTED)
        arrive(&w->clients, conn, socket_context);
    else if (*socket_context)
        leave(&w->clients, *socket_context);
}

bool client_half_closed(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLRDHUP};
    return poll(&p, 1, 0) == 1 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR));
}

/* The client will send no more, and there is nothing left to read: a body cannot become whole. */
static bool torn(int fd)
{
    int left = 0;
    return client_half_closed(fd) && ioctl(fd, FIONREAD, &left) == 0 && left == 0;
}

static bool too_slow(const struct client *c, int64_t now)
{
    int64_t took = now - atomic_load(&c->since_ms);
    int64_t bytes = (int64_t)atomic_load(&c->bytes);
    switch (atomic_load(&c->phase)) {
    case CLIENT_IDLE:
        return took > IDLE_MS || (took > HALF_MS && client_half_closed(c->fd));
    case CLIENT_BODY:
        if (atomic_load(&c->held))
            return false; /* it is we who are slow */
        if (now - atomic_load(&c->moved_ms) > HALF_MS && torn(c->fd))
            return true;
        return took > BODY_GRACE_MS + bytes * 1000 / BODY_BYTES_PER_S;
    case CLIENT_SEND:
        return took > SEND_GRACE_MS + bytes * 1000 / SEND_BYTES_PER_S;
    case CLIENT_WORK:
    case CLIENT_STREAM:
        break;
    }
    return false;
}

/* A refused body is read to its end, so that closing does not reset the connection before the
 * client has read why. False: done with it. */
static bool read_on(int fd)
{
    char sink[65536];
    for (int i = 0; i < 64; i++) {
        ssize_t n = recv(fd, sink, sizeof sink, MSG_DONTWAIT);
        if (n == 0)
            return false;
        if (n < 0)
            return errno == EAGAIN || errno == EINTR;
    }
    return true;
}

void clients_reap(struct clients *all)
{
    int64_t now = time_monotonic_ms();
    (void)pthread_mutex_lock(&all->lock);
    for (struct client *c = all->first; c; c = c->next) {
        if (too_slow(c, now))
            (void)shutdown(c->fd, SHUT_RDWR); /* MHD sees it and closes */
    }
    for (size_t i = 0; i < all->linger_count;) {
        if (now < all->linger_until[i] && read_on(all->lingering[i])) {
            i++;
            continue;
        }
        (void)close(all->lingering[i]);
        all->lingering[i] = all->lingering[--all->linger_count];
        all->linger_until[i] = all->linger_until[all->linger_count];
    }
    (void)pthread_mutex_unlock(&all->lock);
}

void clients_hang_up(struct clients *all, int64_t grace_ms)
{
    int64_t until = time_monotonic_ms() + grace_ms;
    for (;;) {
        bool sending = false;
        (void)pthread_mutex_lock(&all->lock);
        for (struct client *c = all->first; c; c = c->next) {
            enum client_phase p = atomic_load(&c->phase);
            if (p == CLIENT_IDLE || time_monotonic_ms() >= until)
                (void)shutdown(c->fd, SHUT_RDWR);
            else
                sending = true;
        }
        (void)pthread_mutex_unlock(&all->lock);
        if (!sending)
            return;
        (void)usleep(10000);
    }
}
