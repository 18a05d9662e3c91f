// Sends one request over and over on many connections and prints, as JSON, how the answers came.
//
//   load -p PORT -u PATH -b BODY [-H 'Name: value']... [-c CONNECTIONS] [-t SECONDS]
//        [-m BYTES] [-e EVENTS] [-l LATE_MS] [-g GIVE_UP_S]
//
// One thread, closed loop: every connection sends its next request when the last answer is complete. -t 0 sends one
// request on each connection, all at once. An answer counts as an error unless it has status 200, a body of at least -m
// bytes and, if -e is given, at least that many server-sent events with [DONE] at the end; it counts as late when the
// last byte came later than -l after its first. What is not complete -g seconds after the last request was sent is left unfinished.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { HEAD_BYTES = 8192, TAIL_BYTES = 16 };
enum framing { HEAD, SIZED, UNTIL_CLOSE, CHUNK_SIZE, CHUNK, CHUNK_END, LAST_CHUNK };

struct call {
    int fd;
    bool busy, closes;       // `closes`: the server ends the connection after this answer
    enum framing framing;
    char head[HEAD_BYTES + 1];
    size_t held, left;       // bytes of `head` that are filled; bytes left of a sized body, or of a chunk
    int status;
    uint64_t started, first; // nanoseconds; `first` is the arrival of the first byte of the body
    size_t body, events;
    char before;             // the last byte of the body, then more of them
    char tail[TAIL_BYTES];
};

static struct { size_t count, room; uint64_t *ns; } whole, first;
static size_t errors, late, events_seen;
static char first_error[512];
static char request[1 << 16];
static size_t request_size, least_body, least_events;
static uint64_t late_ns;
static int port, poller, open_calls;

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

#define RECORD(list, value) do { \
    if (list.count == list.room) list.ns = realloc(list.ns, sizeof(uint64_t) * (list.room = list.room * 2 + 65536)); \
    list.ns[list.count++] = (value); } while (0)

static int ascending(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static double percentile_us(const uint64_t *sorted, size_t count, double part) {
    return count ? (double)sorted[(size_t)((double)(count - 1) * part + 0.5)] / 1000 : 0;
}

static void dial(struct call *c) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int one = 1;
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(c->fd, (struct sockaddr *)&to, sizeof to)) perror("load: connect"), exit(1);
    epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &(struct epoll_event){.events = EPOLLIN, .data.ptr = c});
}

static void ask(struct call *c) {
    c->busy = true, c->closes = false, c->framing = HEAD, c->held = c->body = c->events = 0, c->first = 0, c->before = 0;
    memset(c->tail, 0, TAIL_BYTES);
    open_calls++;
    c->started = now_ns();
    if (send(c->fd, request, request_size, MSG_NOSIGNAL) != (ssize_t)request_size) shutdown(c->fd, SHUT_RDWR);
}

static void fail(struct call *c, const char *why) {
    if (!errors++) {
        int size = snprintf(first_error, sizeof first_error, "%s (%.*s)", why, c->held ? (int)strcspn(c->head, "\r") : 0, c->head);
        for (int i = 0; i < size; i++)
            if (first_error[i] < ' ' || first_error[i] == '"' || first_error[i] == '\\') first_error[i] = ' ';
    }
}

static void complete(struct call *c, const char *broken) {
    uint64_t now = now_ns();
    c->busy = false;
    open_calls--;
    events_seen += c->events;
    if (broken) return fail(c, broken);
    if (c->status != 200) return fail(c, "the status is not 200");
    if (c->body < least_body) return fail(c, "the body is short");
    if (least_events && (c->events < least_events || !memmem(c->tail, TAIL_BYTES, "[DONE]", 6))) return fail(c, "the stream is short");
    if (late_ns && now - c->first > late_ns) late++;
    RECORD(whole, now - c->started);
    RECORD(first, c->first - c->started);
}

// Bytes of the body, free of its framing.
static void take(struct call *c, const char *bytes, size_t size) {
    if (!size) return;
    if (!c->body) c->first = now_ns();
    c->body += size;
    if (!least_events) return;
    const char *end = bytes + size;
    if (c->before == '\n' && *bytes == '\n') c->events++;
    for (const char *at = bytes; (at = memchr(at, '\n', (size_t)(end - at))) && at + 1 < end; at++) c->events += at[1] == '\n';
    c->before = end[-1];
    size_t kept = size < TAIL_BYTES ? size : TAIL_BYTES;
    memmove(c->tail, c->tail + kept, TAIL_BYTES - kept);
    memcpy(c->tail + TAIL_BYTES - kept, end - kept, kept);
}

// Reads the head once it is whole; returns how many of `size` bytes belonged to it.
static size_t take_head(struct call *c, const char *bytes, size_t size) {
    size_t before = c->held, room = HEAD_BYTES - c->held, copied = size < room ? size : room;
    memcpy(c->head + c->held, bytes, copied);
    c->held += copied;
    c->head[c->held] = 0;
    char *end = strstr(c->head, "\r\n\r\n");
    if (!end) return copied;
    char kept = end[2];
    end[2] = 0;
    c->status = atoi(c->head + 9);
    char *length = strcasestr(c->head, "\r\ncontent-length:");
    c->closes = strcasestr(c->head, "\r\nconnection: close") != NULL;
    c->framing = length ? SIZED : strcasestr(c->head, "\r\ntransfer-encoding:") ? CHUNK_SIZE : UNTIL_CLOSE;
    c->left = length ? strtoul(length + 17, NULL, 10) : 0;
    end[2] = kept;
    return (size_t)(end - c->head) + 4 - before;
}

// Returns true when the answer is complete.
static bool read_answer(struct call *c, const char *bytes, size_t size) {
    while (size || (c->framing == SIZED && !c->left)) {
        size_t used = 1;
        switch (c->framing) {
        case HEAD: used = take_head(c, bytes, size); break;
        case UNTIL_CLOSE: take(c, bytes, used = size); break;
        case SIZED:
            used = size < c->left ? size : c->left;
            take(c, bytes, used);
            if (!(c->left -= used)) return true;
            break;
        case CHUNK_SIZE:
            if (*bytes == '\n') c->framing = c->left ? CHUNK : LAST_CHUNK;
            else if (*bytes != '\r') c->left = c->left * 16 + (size_t)(*bytes <= '9' ? *bytes - '0' : (*bytes | 32) - 'a' + 10);
            break;
        case CHUNK:
            used = size < c->left ? size : c->left;
            take(c, bytes, used);
            if (!(c->left -= used)) c->framing = CHUNK_END;
            break;
        case CHUNK_END: if (*bytes == '\n') c->framing = CHUNK_SIZE; break;
        case LAST_CHUNK: if (*bytes == '\n') return true; break;
        }
        bytes += used, size -= used;
    }
    return false;
}

// Returns true when this ended a call, well or not.
static bool on_readable(struct call *c) {
    static char bytes[1 << 16];
    ssize_t n = recv(c->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN) return false;
    bool asked = c->busy;
    if (asked && n > 0 && read_answer(c, bytes, (size_t)n)) complete(c, NULL);
    if (asked && n <= 0) complete(c, c->framing == UNTIL_CLOSE ? NULL : "the connection was closed");
    if (n <= 0 || (asked && !c->busy && c->closes)) close(c->fd), dial(c);
    return asked && !c->busy;
}

static void print_result(double seconds, size_t unfinished) {
    qsort(whole.ns, whole.count, sizeof(uint64_t), ascending);
    qsort(first.ns, first.count, sizeof(uint64_t), ascending);
    printf("{\"answers\":%zu,\"errors\":%zu,\"unfinished\":%zu,\"late\":%zu,\"events\":%zu,\"seconds\":%.6f,"
           "\"p50_us\":%.1f,\"p99_us\":%.1f,\"first_p50_us\":%.1f,\"first_p99_us\":%.1f,\"first_error\":\"%s\"}\n",
           whole.count, errors, unfinished, late, events_seen, seconds,
           percentile_us(whole.ns, whole.count, 0.5), percentile_us(whole.ns, whole.count, 0.99),
           percentile_us(first.ns, first.count, 0.5), percentile_us(first.ns, first.count, 0.99), first_error);
}

int main(int argc, char **argv) {
    const char *path = "/v1/chat/completions", *body = "";
    char headers[4096] = "";
    int connections = 1, option;
    double seconds = 1, give_up = 10;
    while ((option = getopt(argc, argv, "p:u:b:H:c:t:m:e:l:g:")) != -1) switch (option) {
        case 'p': port = atoi(optarg); break;
        case 'u': path = optarg; break;
        case 'b': body = optarg; break;
        case 'H': strncat(headers, optarg, 2000), strcat(headers, "\r\n"); break;
        case 'c': connections = atoi(optarg); break;
        case 't': seconds = atof(optarg); break;
        case 'm': least_body = strtoul(optarg, NULL, 10); break;
        case 'e': least_events = strtoul(optarg, NULL, 10); break;
        case 'l': late_ns = strtoul(optarg, NULL, 10) * 1000000; break;
        case 'g': give_up = atof(optarg); break;
        default: return 2;
    }
    request_size = (size_t)snprintf(request, sizeof request, "POST %s HTTP/1.1\r\nhost: 127.0.0.1:%d\r\ncontent-type: application/json\r\n"
                                    "%scontent-length: %zu\r\n\r\n%s", path, port, headers, strlen(body), body);
    poller = epoll_create1(0);
    struct call *calls = calloc((size_t)connections, sizeof *calls);
    for (int i = 0; i < connections; i++) dial(&calls[i]);

    uint64_t start = now_ns(), stop = start + (uint64_t)(seconds * 1e9), end;
    for (int i = 0; i < connections; i++) ask(&calls[i]);
    uint64_t last_sent = now_ns();
    struct epoll_event ready[512];
    while ((end = now_ns()) < last_sent + (uint64_t)(give_up * 1e9) && open_calls) {
        int count = epoll_wait(poller, ready, 512, 100);
        for (int i = 0; i < count; i++)
            if (on_readable(ready[i].data.ptr) && now_ns() < stop) ask(ready[i].data.ptr), last_sent = now_ns();
    }
    print_result((double)(end - start) / 1e9, (size_t)open_calls);
    return 0;
}
