// A model provider that costs almost nothing: every reply is made once at start and only written afterwards.
//
//   mock PORT      listens on 127.0.0.1, one thread, keep-alive, answers the requests of a connection in order
//
// POST .../messages is answered in Anthropic's shape, GET in the shape of a model list, everything else in OpenAI's
// chat shape: JSON, or with "stream":true 64 content events (68 OpenAI events in all, 70 Anthropic ones) with one
// write each. For the model gpt-4.1 a content event follows the one before it after 100 ms (a known name,
// because some gateways refuse others).
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CONTENT_EVENTS = 64, MOST_PIECES = 80, REQUEST_BYTES = 1 << 16 };
static const uint64_t PACE_NS = 100 * 1000 * 1000;

// What is sent with one write.
struct piece { char *bytes; size_t size; };
// The pieces of a reply; each from `paced_from` to `paced_to` waits for its time when the model is paced.
struct reply { struct piece pieces[MOST_PIECES]; int count, paced_from, paced_to; };

struct client {
    int fd;
    bool paced, waiting, gone;      // `waiting`: it stands in the queue of paced clients
    char request[REQUEST_BYTES];
    size_t held;                    // bytes of `request` that are filled
    const struct reply *reply;      // what is being sent, or NULL
    int next;                       // the piece to send
    size_t sent;                    // bytes of that piece already sent
    uint64_t due;
    struct client *behind;
};

static struct reply chat, chat_stream, message, message_stream, models;
static struct client *first_due, *last_due;  // ordered by `due`, as every wait is equally long

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void add(struct reply *reply, const char *format, ...) {
    va_list values;
    va_start(values, format);
    char *bytes;
    int size = vasprintf(&bytes, format, values);
    va_end(values);
    reply->pieces[reply->count++] = (struct piece){bytes, (size_t)size};
}

static void json_reply(struct reply *reply, const char *body) {
    add(reply, "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %zu\r\n\r\n%s", strlen(body), body);
}

// The last event closes the body too; the first carries the head.
static void event(struct reply *reply, const char *text, bool last) {
    const char *head = reply->count ? "" : "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
                                           "cache-control: no-cache\r\ntransfer-encoding: chunked\r\n\r\n";
    add(reply, "%s%zx\r\n%s\r\n%s", head, strlen(text), text, last ? "0\r\n\r\n" : "");
}

#define CHAT_ID "\"id\":\"chatcmpl-BenchmarkBenchmarkBenchmark00\",\"object\":\"chat.completion%s\",\"created\":1764000000," \
                "\"model\":\"gpt-4o-mini-2024-07-18\",\"service_tier\":\"default\",\"system_fingerprint\":\"fp_560af6e559\","
#define CHAT_USAGE "{\"prompt_tokens\":25,\"completion_tokens\":64,\"total_tokens\":89,\"prompt_tokens_details\":" \
                   "{\"cached_tokens\":0,\"audio_tokens\":0}}"

static void chat_event(const char *choices, const char *usage) {
    char text[1024];
    snprintf(text, sizeof text, "data: {" CHAT_ID "\"choices\":%s,\"usage\":%s}\n\n",
             ".chunk", choices, usage);
    event(&chat_stream, text, false);
}

static void make_chat(void) {
    char body[2048];
    snprintf(body, sizeof body, "{" CHAT_ID "\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":"
             "\"Hello! A gateway takes a request, finds out who may answer it and brings the answer back.\",\"refusal\":null,"
             "\"annotations\":[]},\"logprobs\":null,\"finish_reason\":\"stop\"}],\"usage\":" CHAT_USAGE "}", "");
    json_reply(&chat, body);
    chat_event("[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null},\"logprobs\":null,"
               "\"finish_reason\":null}]", "null");
    chat_stream.paced_from = chat_stream.count;
    for (int i = 0; i < CONTENT_EVENTS; i++)
        chat_event("[{\"index\":0,\"delta\":{\"content\":\" token\"},\"logprobs\":null,\"finish_reason\":null}]", "null");
    chat_stream.paced_to = chat_stream.count - 1;
    chat_event("[{\"index\":0,\"delta\":{},\"logprobs\":null,\"finish_reason\":\"stop\"}]", "null");
    chat_event("[]", CHAT_USAGE);
    event(&chat_stream, "data: [DONE]\n\n", true);
}

static void message_event(const char *name, const char *rest, bool last) {
    char text[1024];
    snprintf(text, sizeof text, "event: %s\ndata: {\"type\":\"%s\"%s}\n\n", name, name, rest);
    event(&message_stream, text, last);
}

static void make_message(void) {
    const char *head = "\"id\":\"msg_01BenchmarkBenchmarkBench\",\"type\":\"message\",\"role\":\"assistant\","
                       "\"model\":\"claude-sonnet-4-5\",";
    const char *usage = "{\"input_tokens\":25,\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":0,"
                        "\"output_tokens\":64,\"service_tier\":\"standard\"}";
    char text[1024];
    snprintf(text, sizeof text, "{%s\"content\":[{\"type\":\"text\",\"text\":\"Hello! A gateway takes a request, finds out who "
             "may answer it and brings the answer back.\"}],\"stop_reason\":\"end_turn\",\"stop_sequence\":null,\"usage\":%s}",
             head, usage);
    json_reply(&message, text);
    snprintf(text, sizeof text, ",\"message\":{%s\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":%s}",
             head, usage);
    message_event("message_start", text, false);
    message_event("content_block_start", ",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}", false);
    message_event("ping", "", false);
    message_stream.paced_from = message_stream.count;
    for (int i = 0; i < CONTENT_EVENTS; i++)
        message_event("content_block_delta", ",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\" token\"}", false);
    message_stream.paced_to = message_stream.count - 1;
    message_event("content_block_stop", ",\"index\":0", false);
    message_event("message_delta", ",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},\"usage\":"
                  "{\"input_tokens\":25,\"output_tokens\":64}", false);
    message_event("message_stop", "", true);
}

// The size of the first whole request in the buffer, or 0 while a part of it is missing.
static size_t request_size(struct client *c) {
    char *end = memmem(c->request, c->held, "\r\n\r\n", 4);
    if (!end) return 0;
    size_t head = (size_t)(end - c->request) + 4;
    *end = 0;  // strcasestr stays inside the head
    char *length = strcasestr(c->request, "\r\ncontent-length:"), *chunked = strcasestr(c->request, "\r\ntransfer-encoding:");
    size_t body = length ? strtoul(length + 17, NULL, 10) : 0;
    *end = '\r';
    if (chunked) {
        char *last = memmem(c->request + head, c->held - head, "\r\n0\r\n\r\n", 7);
        return last ? (size_t)(last - c->request) + 7 : 0;
    }
    return c->held >= head + body ? head + body : 0;
}

static const struct reply *answer(const char *request, size_t size, bool *paced) {
    *paced = memmem(request, size, "\"gpt-4.1\"", 9) != NULL;
    if (!memcmp(request, "GET ", 4)) return &models;
    bool stream = memmem(request, size, "\"stream\":true", 13) || memmem(request, size, "\"stream\": true", 14);
    const char *line_end = memchr(request, '\n', size);
    if (memmem(request, (size_t)(line_end - request), "/messages", 9)) return stream ? &message_stream : &message;
    return stream ? &chat_stream : &chat;
}

static void wait_for_pace(struct client *c, uint64_t due) {
    c->due = due, c->waiting = true, c->behind = NULL;
    if (first_due) last_due->behind = c; else first_due = c;
    last_due = c;
}

// Sends pieces until the reply is over, the socket is full or the next piece has to wait for its time.
static void send_pieces(struct client *c, uint64_t due) {
    while (c->reply) {
        const struct piece *piece = &c->reply->pieces[c->next];
        ssize_t n = send(c->fd, piece->bytes + c->sent, piece->size - c->sent, MSG_NOSIGNAL);
        if (n < 0) return;  // full (an event comes when there is room) or broken (the read reports it)
        c->sent += (size_t)n;
        if (c->sent < piece->size) continue;
        c->sent = 0, c->next++;
        if (c->next == c->reply->count) c->reply = NULL;
        else if (c->paced && c->next >= c->reply->paced_from && c->next <= c->reply->paced_to)
            return wait_for_pace(c, due + PACE_NS);
    }
}

static void answer_requests(struct client *c) {
    size_t size;
    while (!c->reply && (size = request_size(c))) {
        c->reply = answer(c->request, size, &c->paced);
        c->next = 0;
        c->held -= size;
        memmove(c->request, c->request + size, c->held);
        send_pieces(c, c->paced ? now_ns() : 0);
    }
}

static void leave(struct client *c) {
    close(c->fd);
    c->gone = true;
    if (!c->waiting) free(c);
}

static void on_ready(struct client *c, uint32_t events) {
    if (events & EPOLLOUT && c->reply && !c->waiting) send_pieces(c, now_ns());
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
        ssize_t n = recv(c->fd, c->request + c->held, REQUEST_BYTES - c->held, 0);
        if (n == 0 || (n < 0 && errno != EAGAIN)) return leave(c);
        if (n > 0) c->held += (size_t)n;
    }
    answer_requests(c);
}

static void send_due(void) {
    for (uint64_t now = now_ns(); first_due && first_due->due <= now;) {
        struct client *c = first_due;
        first_due = c->behind;
        c->waiting = false;
        if (c->gone) { free(c); continue; }
        send_pieces(c, c->due);
        answer_requests(c);
    }
}

int main(int argc, char **argv) {
    if (argc != 2) return fprintf(stderr, "usage: mock PORT\n"), 2;
    signal(SIGPIPE, SIG_IGN);
    make_chat();
    make_message();
    json_reply(&models, "{\"object\":\"list\",\"data\":[{\"id\":\"gpt-4o-mini\",\"object\":\"model\",\"created\":1721172741,"
               "\"owned_by\":\"system\"},{\"id\":\"gpt-4.1\",\"object\":\"model\",\"created\":1721172741,\"owned_by\":\"system\"}]}");

    int one = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), poll = epoll_create1(0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&at, sizeof at) || listen(listener, 4096)) return perror("mock"), 1;
    epoll_ctl(poll, EPOLL_CTL_ADD, listener, &(struct epoll_event){.events = EPOLLIN});

    struct epoll_event ready[512];
    for (;;) {
        uint64_t now = first_due ? now_ns() : 0;
        int timeout = !first_due ? -1 : first_due->due <= now ? 0 : (int)((first_due->due - now) / 1000000) + 1;
        int count = epoll_wait(poll, ready, 512, timeout);
        for (int i = 0; i < count; i++) {
            struct client *c = ready[i].data.ptr;
            if (c) { on_ready(c, ready[i].events); continue; }
            for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0;) {
                setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                c = calloc(1, sizeof *c);
                c->fd = fd;
                epoll_ctl(poll, EPOLL_CTL_ADD, fd, &(struct epoll_event){.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c});
            }
        }
        send_due();
    }
}
