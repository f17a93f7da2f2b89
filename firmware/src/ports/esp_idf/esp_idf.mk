# What of the ESP-IDF port needs no ESP-IDF, and its tests; included by
# firmware/Makefile. The port itself is compiled by ESP-IDF (CMakeLists.txt).

ESP           := src/ports/esp_idf
ESP_PORTABLE  := clock_pair file_sink inbox jpeg_frame mqtt_session provision_rules topic_filter update
ESP_OBJECTS    = $(ESP_PORTABLE:%=$(OUT)/$(ESP)/%.o)
ESP_TEST_BINS := $(patsubst tests/esp/%.c,$(OUT)/esp_%,$(wildcard tests/esp/test_*.c))
TESTS_TO_RUN  += $(ESP_TEST_BINS)

$(OUT)/tests/esp/%.o: EXTRA += -I$(ESP) -Itests/unit

$(OUT)/esp_test_%: $(OUT)/tests/esp/test_%.o $(ESP_OBJECTS) $(OUT)/tests/unit/guard.o $(CORE_LIB)
	@$(CC) $(LDFLAGS) $^ -lcmocka -o $@
