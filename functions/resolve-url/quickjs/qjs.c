/*
 * Runs one script on QuickJS-ng, with the command line that yt-dlp uses: `qjs --script FILE`, and `qjs --help` for the version.
 *
 * Unlike the shell of QuickJS-ng, it has no modules for files, programs, sockets or the operating system: a site's JavaScript can
 * only compute and print, with limited memory and CPU time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "quickjs.h"

#define MAX_SCRIPT_BYTES (64u << 20)
#define MAX_HEAP_BYTES (512u << 20)
#define MAX_STACK_BYTES (6u << 20) /* the main thread has 8 MiB */
#define MAX_CPU_SECONDS 30

static JSValue print(JSContext *context, JSValueConst self, int count, JSValueConst *arguments)
{
    (void)self;
    for (int i = 0; i < count; i++) {
        size_t length;
        const char *text = JS_ToCStringLen(context, &length, arguments[i]);
        if (!text)
            return JS_EXCEPTION;
        if (i)
            putchar(' ');
        fwrite(text, 1, length, stdout);
        JS_FreeCString(context, text);
    }
    putchar('\n');
    return JS_UNDEFINED;
}

/* Scripts call console.log. The libraries in them test whether the other functions exist. */
static void add_console(JSContext *context)
{
    static const char *const names[] = {"log", "info", "warn", "error", "debug", "trace"};
    JSValue global = JS_GetGlobalObject(context), console = JS_NewObject(context);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        JS_SetPropertyStr(context, console, names[i], JS_NewCFunction(context, print, names[i], 1));
    JS_SetPropertyStr(context, global, "console", console);
    JS_FreeValue(context, global);
}

static char *read_file(const char *path, size_t *length)
{
    FILE *file = fopen(path, "rb");
    char *text = malloc((size_t)MAX_SCRIPT_BYTES + 1);
    if (!file || !text)
        return NULL;
    *length = fread(text, 1, (size_t)MAX_SCRIPT_BYTES + 1, file);
    fclose(file);
    if (*length > MAX_SCRIPT_BYTES)
        return NULL;
    text[*length] = 0;
    return text;
}

static int fail(JSContext *context)
{
    JSValue error = JS_GetException(context);
    const char *text = JS_ToCString(context, error);
    fprintf(stderr, "%s\n", text ? text : "the error has no message");
    return EXIT_FAILURE;
}

static int run(JSContext *context, const char *path)
{
    size_t length;
    char *script = read_file(path, &length);
    if (!script) {
        fprintf(stderr, "the script cannot be read\n");
        return EXIT_FAILURE;
    }
    JSValue value = JS_Eval(context, script, length, "script", JS_EVAL_TYPE_GLOBAL);
    if (JS_IsException(value))
        return fail(context);
    for (JSContext *pending; ;) {
        int ran = JS_ExecutePendingJob(JS_GetRuntime(context), &pending);
        if (ran == 0)
            return fflush(stdout) ? EXIT_FAILURE : EXIT_SUCCESS;
        if (ran < 0)
            return fail(pending);
    }
}

int main(int count, char **arguments)
{
    if (count != 3 || strcmp(arguments[1], "--script")) {
        printf("QuickJS-ng version %s\nusage: qjs --script FILE\n", JS_GetVersion());
        return EXIT_FAILURE;
    }
    setrlimit(RLIMIT_CPU, &(struct rlimit){MAX_CPU_SECONDS, MAX_CPU_SECONDS});
    JSRuntime *runtime = JS_NewRuntime();
    JSContext *context = runtime ? JS_NewContext(runtime) : NULL;
    if (!context)
        return EXIT_FAILURE;
    JS_SetMemoryLimit(runtime, MAX_HEAP_BYTES);
    JS_SetMaxStackSize(runtime, MAX_STACK_BYTES);
    add_console(context);
    /* Memory is not freed, because the process ends here. */
    return run(context, arguments[2]);
}
