/*
 * A model provider that is never the bottleneck: one thread, one epoll, answers written from memory.
 *
 *   mock EVENTS INTERVAL_US PORT:STATUS...
 *
 * A port of status 200 answers a POST with a chat completion of about 600 bytes, or, where the body asks for a stream,
 * with one event for the role, EVENTS events of content that are INTERVAL_US apart, the finish reason, the usage and
 * [DONE]. Asked at /v1/messages it answers the same in the form of the Messages API. A port of status 429 answers with an error of OpenAI's form. GET /counts at any port answers with the number
 * of POSTs at each port since the last GET /counts. Connections are kept alive; bodies are framed by Content-Length or
 * chunked. An answer that the peer is too slow to take ends its connection, so that it shows as an error.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MAX_PORTS = 8, BUFFER = 16384, BATCH = 256 };

struct port {
    int fd, number, status;
    unsigned long served;
};

struct connection {
    int fd, sent; /* sent: events of content so far; -1 while no stream is open */
    struct port *port;
    struct answers *speaks; /* the API of the open stream */
    struct connection *next, *previous; /* in the queue of open streams, by the time of their next event */
    unsigned long long due;
    size_t used;
    char *input;
};

static struct port ports[MAX_PORTS];
static int port_count, events_per_stream, poller;
static unsigned long long interval;
static struct connection *first, *last; /* every wait is as long as any other, so the queue stays in order */
struct answers {
    char success[2048], begin[2048], content[512], finish[2048];
    size_t success_size, begin_size, content_size, finish_size;
};
static struct answers chat, messages;
static char limited[1024];
static size_t limited_size;

static unsigned long long now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (unsigned long long)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static size_t chunk(char *out, const char *text) { return sprintf(out, "%zx\r\n%s\r\n", strlen(text), text); }

static size_t whole_answer(char *out, const char *body) {
    return sprintf(out,
                   "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
                   "x-request-id: req_5f2b1c\r\n\r\n%s",
                   strlen(body), body);
}

static size_t begin_of_stream(char *out) {
    return sprintf(out, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n"
                        "Cache-Control: no-cache\r\nx-request-id: req_5f2b1e\r\n\r\n");
}

#define WORDS                                                                                                          \
    "A function that calls itself by name, each time a little closer to the same. It asks the smaller question first, " \
    "and when that answer is rehearsed, it carries it back up the stair: the base case waits, and it is there. So trust " \
    "the step that you can see, and let the rest be left to me."

static void prepare_messages(struct answers *a) {
    a->success_size = whole_answer(
        a->success,
        "{\"id\":\"msg_01XFDUDYJgAACzvnptvVoYEL\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"claude-sonnet-4-5\","
        "\"content\":[{\"type\":\"text\",\"text\":\"" WORDS "\"}],\"stop_reason\":\"end_turn\",\"stop_sequence\":null,"
        "\"usage\":{\"input_tokens\":39,\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":0,\"output_tokens\":68}}");
#define NAMED(name, fields) "event: " name "\ndata: {\"type\":\"" name "\"" fields "}\n\n"
    a->begin_size = begin_of_stream(a->begin);
    a->begin_size += chunk(a->begin + a->begin_size,
                           NAMED("message_start", ",\"message\":{\"id\":\"msg_01XFDUDYJgAACzvnptvVoYEL\",\"type\":\"message\","
                                                  "\"role\":\"assistant\",\"model\":\"claude-sonnet-4-5\",\"content\":[],"
                                                  "\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":39,"
                                                  "\"output_tokens\":1}}"));
    a->begin_size += chunk(a->begin + a->begin_size, NAMED("content_block_start", ",\"index\":0,\"content_block\":{\"type\":"
                                                                                  "\"text\",\"text\":\"\"}"));
    a->content_size = chunk(a->content, NAMED("content_block_delta", ",\"index\":0,\"delta\":{\"type\":\"text_delta\","
                                                                     "\"text\":\" again\"}"));
    a->finish_size = chunk(a->finish, NAMED("content_block_stop", ",\"index\":0"));
    a->finish_size += chunk(a->finish + a->finish_size, NAMED("message_delta", ",\"delta\":{\"stop_reason\":\"end_turn\","
                                                                               "\"stop_sequence\":null},\"usage\":{"
                                                                               "\"output_tokens\":40}"));
    a->finish_size += chunk(a->finish + a->finish_size, NAMED("message_stop", ""));
    a->finish_size += sprintf(a->finish + a->finish_size, "0\r\n\r\n");
}

static void prepare_chat(struct answers *a) {
    const char *body =
        "{\"id\":\"chatcmpl-9fT2kQ7xZb31\",\"object\":\"chat.completion\",\"created\":1719853884,\"model\":\"gpt-4o-2024-05-13\","
        "\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"" WORDS "\"},"
        "\"logprobs\":null,\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":39,"
        "\"completion_tokens\":68,\"total_tokens\":107},\"system_fingerprint\":\"fp_4e2b2da518\"}";
    a->success_size = whole_answer(a->success, body);
#define EVENT(choices)                                                                                                 \
    "data: {\"id\":\"chatcmpl-9fT2kQ7xZb31\",\"object\":\"chat.completion.chunk\",\"created\":1719853884,"             \
    "\"model\":\"gpt-4o-2024-05-13\",\"choices\":" choices "}\n\n"
    a->begin_size = begin_of_stream(a->begin);
    a->begin_size += chunk(a->begin + a->begin_size, EVENT("[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},"
                                                  "\"finish_reason\":null}]"));
    a->content_size = chunk(a->content, EVENT("[{\"index\":0,\"delta\":{\"content\":\" again\"},\"finish_reason\":null}]"));
    a->finish_size = chunk(a->finish, EVENT("[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]"));
    a->finish_size += chunk(a->finish + a->finish_size, EVENT("[],\"usage\":{\"prompt_tokens\":39,\"completion_tokens\":40,"
                                                     "\"total_tokens\":79}"));
    a->finish_size += chunk(a->finish + a->finish_size, "data: [DONE]\n\n");
    a->finish_size += sprintf(a->finish + a->finish_size, "0\r\n\r\n");
}

static void prepare_limited(void) {
    const char *error = "{\"error\":{\"message\":\"Rate limit reached for requests\",\"type\":\"requests\",\"param\":null,"
                        "\"code\":\"rate_limit_exceeded\"}}";
    limited_size = sprintf(limited,
                           "HTTP/1.1 429 Too Many Requests\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
                           "x-request-id: req_5f2b1d\r\n\r\n%s",
                           strlen(error), error);
}

static void leave_queue(struct connection *c) {
    if (c->sent < 0) return;
    if (c->previous) c->previous->next = c->next; else first = c->next;
    if (c->next) c->next->previous = c->previous; else last = c->previous;
    c->next = c->previous = NULL;
    c->sent = -1;
}

static void join_queue(struct connection *c, unsigned long long due, int sent) {
    c->due = due;
    c->sent = sent;
    c->next = NULL;
    c->previous = last;
    if (last) last->next = c; else first = c;
    last = c;
}

static void end(struct connection *c) {
    leave_queue(c);
    close(c->fd);
    c->fd = -1; /* freed after the batch of events that may name it again */
}

static int put(struct connection *c, const char *bytes, size_t size) {
    if (send(c->fd, bytes, size, MSG_NOSIGNAL) == (ssize_t)size) return 1;
    end(c);
    return 0;
}

static void counts(struct connection *c) {
    char body[512], answer[1024];
    int size = sprintf(body, "{");
    for (int i = 0; i < port_count; i++) {
        size += sprintf(body + size, "%s\"%d\":%lu", i ? "," : "", ports[i].number, ports[i].served);
        ports[i].served = 0;
    }
    size += sprintf(body + size, "}");
    size = sprintf(answer, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", size, body);
    put(c, answer, size);
}

static void answer(struct connection *c, const char *head, const char *body, size_t body_size) {
    if (!strncmp(head, "GET /counts", 11)) {
        counts(c);
        return;
    }
    c->port->served++;
    struct answers *speaks = strncmp(head, "POST /v1/messages", 17) ? &chat : &messages;
    if (c->port->status != 200) {
        put(c, limited, limited_size);
    } else if (memmem(body, body_size, "\"stream\":true", 13) || memmem(body, body_size, "\"stream\": true", 14)) {
        c->speaks = speaks;
        if (put(c, speaks->begin, speaks->begin_size)) join_queue(c, now_us() + interval, 0);
    } else {
        put(c, speaks->success, speaks->success_size);
    }
}

/* Bytes of the message at the start of the input with its body, 0 while it is not whole. */
static size_t whole(struct connection *c, size_t *head_size) {
    char *blank = memmem(c->input, c->used, "\r\n\r\n", 4);
    if (!blank) return 0;
    *head_size = blank + 4 - c->input;
    size_t length = 0;
    for (char *line = memchr(c->input, '\n', *head_size); line && line < blank; line = memchr(line, '\n', blank - line + 1)) {
        line++;
        if (!strncasecmp(line, "content-length:", 15)) length = strtoul(line + 15, NULL, 10);
        if (!strncasecmp(line, "transfer-encoding:", 18)) {
            char *done = memmem(blank + 2, c->used - *head_size + 2, "\r\n0\r\n\r\n", 7);
            return done ? (size_t)(done + 7 - c->input) : 0;
        }
    }
    return c->used >= *head_size + length ? *head_size + length : 0;
}

static void readable(struct connection *c) {
    ssize_t size = recv(c->fd, c->input + c->used, BUFFER - c->used, 0);
    if (size < 0 && errno == EAGAIN) return;
    if (size <= 0) {
        end(c);
        return;
    }
    c->used += size;
    size_t head, message;
    while (c->fd >= 0 && c->sent < 0 && (message = whole(c, &head))) {
        answer(c, c->input, c->input + head, message - head);
        memmove(c->input, c->input + message, c->used -= message);
    }
    if (c->fd >= 0 && c->used == BUFFER) end(c);
}

static void accept_all(struct port *port) {
    int fd, on = 1;
    while ((fd = accept4(port->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        struct connection *c = calloc(1, sizeof *c);
        *c = (struct connection){.fd = fd, .sent = -1, .port = port, .input = malloc(BUFFER)};
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
        epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
    }
}

static void send_due(unsigned long long now) {
    while (first && first->due <= now) {
        struct connection *c = first;
        int sent = c->sent + 1;
        unsigned long long due = c->due + interval;
        leave_queue(c);
        if (!put(c, c->speaks->content, c->speaks->content_size)) continue; /* its end is seen by epoll no more: the little memory is left */
        if (sent < events_per_stream) join_queue(c, due > now ? due : now + interval, sent);
        else put(c, c->speaks->finish, c->speaks->finish_size);
    }
}

static void listen_at(struct port *port) {
    int on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port->number), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    port->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(port->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(port->fd, (struct sockaddr *)&address, sizeof address) || listen(port->fd, 65535)) {
        fprintf(stderr, "mock: port %d: %s\n", port->number, strerror(errno));
        exit(1);
    }
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = port};
    epoll_ctl(poller, EPOLL_CTL_ADD, port->fd, &event);
}

int main(int argc, char **argv) {
    if (argc < 4 || argc - 3 > MAX_PORTS) {
        fprintf(stderr, "usage: mock EVENTS INTERVAL_US PORT:STATUS...\n");
        return 2;
    }
    events_per_stream = atoi(argv[1]);
    interval = strtoull(argv[2], NULL, 10);
    signal(SIGPIPE, SIG_IGN);
    prepare_chat(&chat);
    prepare_messages(&messages);
    prepare_limited();
    poller = epoll_create1(EPOLL_CLOEXEC);
    for (; port_count < argc - 3; port_count++) {
        struct port *port = &ports[port_count];
        if (sscanf(argv[3 + port_count], "%d:%d", &port->number, &port->status) != 2) return 2;
        listen_at(port);
    }
    struct epoll_event batch[BATCH];
    for (;;) {
        struct timespec wait = {0}, *timeout = NULL;
        if (first) {
            unsigned long long now = now_us(), left = first->due > now ? first->due - now : 0;
            wait = (struct timespec){.tv_sec = left / 1000000, .tv_nsec = left % 1000000 * 1000};
            timeout = &wait;
        }
        int count = epoll_pwait2(poller, batch, BATCH, timeout, NULL);
        for (int i = 0; i < count; i++) {
            void *ready = batch[i].data.ptr;
            if (ready >= (void *)ports && ready < (void *)(ports + MAX_PORTS)) accept_all(ready);
            else if (((struct connection *)ready)->fd >= 0) readable(ready);
        }
        for (int i = 0; i < count; i++) {
            struct connection *c = batch[i].data.ptr;
            if ((void *)c >= (void *)ports && (void *)c < (void *)(ports + MAX_PORTS)) continue;
            if (c->fd < 0) {
                free(c->input);
                free(c);
            }
        }
        send_due(now_us());
    }
}
