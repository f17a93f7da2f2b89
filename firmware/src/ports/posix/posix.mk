# The virtual thing and its tests; included by firmware/Makefile.

PORT          := src/ports/posix
THING         := ../bin/thingpass-thing
PORT_SOURCES  := $(wildcard $(PORT)/*.c) $(wildcard src/ports/files/*.c)
PORT_OBJECTS   = $(PORT_SOURCES:%.c=$(OUT)/%.o)
PORT_LIBS      = -lmosquitto -lmbedtls -lmbedx509 -lmbedcrypto -ljpeg
PORT_TESTS    := $(wildcard tests/posix/test_*.c)
PORT_SHARED   := $(filter-out $(PORT_TESTS),$(wildcard tests/posix/*.c))
PORT_TEST_BINS = $(PORT_TESTS:tests/posix/%.c=$(OUT)/posix_%)
TESTS_TO_RUN  += $(PORT_TEST_BINS)

RIG           := ../bin/naive-sketch

.PHONY: thing thing-asan thing-binary rig rig-binary

thing:
	@$(MAKE) --no-print-directory thing-binary CC=gcc FLAVOUR=o2 BINARY=$(THING)

thing-asan:
	@$(MAKE) --no-print-directory thing-binary CC=gcc FLAVOUR=asan BINARY=$(THING)-asan

thing-binary: $(OUT)/thingpass-thing
	@mkdir -p $(dir $(BINARY))
	@cmp -s $< $(BINARY) || cp $< $(BINARY)

# What the integration tests compare the virtual thing with.
rig:
	@$(MAKE) --no-print-directory rig-binary CC=gcc FLAVOUR=o2

rig-binary: $(OUT)/naive-sketch
	@mkdir -p $(dir $(RIG))
	@cmp -s $< $(RIG) || cp $< $(RIG)

$(OUT)/naive-sketch: $(OUT)/tests/rig/naive_sketch.o
	@$(CC) $(LDFLAGS) $^ -lmbedtls -lmbedx509 -lmbedcrypto -o $@

$(OUT)/tests/rig/%.o $(OUT)/$(PORT)/%.o $(OUT)/tests/posix/%.o: EXTRA += -D_GNU_SOURCE -I$(PORT)

$(OUT)/thingpass-thing: $(PORT_OBJECTS) $(CORE_LIB)
	@$(CC) $(LDFLAGS) $^ $(PORT_LIBS) -o $@

$(OUT)/posix_test_%: $(OUT)/tests/posix/test_%.o $(PORT_SHARED:%.c=$(OUT)/%.o) \
		$(filter-out $(OUT)/$(PORT)/main.o,$(PORT_OBJECTS)) $(CORE_LIB)
	@$(CC) $(LDFLAGS) $^ $(PORT_LIBS) -lcmocka -lpthread -o $@
