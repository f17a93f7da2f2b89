// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

//go:build mosquitto

// Command plugin is a Mosquitto plugin that enforces AWS IoT policies to the
// letter: build it with `make plugin`, see README.md. This file is what C calls;
// decisions are package guard's.
package main

// #cgo CFLAGS: -std=c11 -O2 -Wall -Wextra -Wpedantic -Wno-unused-parameter
// #cgo LDFLAGS: -Wl,--unresolved-symbols=ignore-all
// #include <stdlib.h>
// #include "shim.h"
import "C"

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unsafe"

	"thingpass/policies/plugin/guard"
	"thingpass/policies/registry"
)

// Mosquitto's log levels.
const (
	logNotice  = 2
	logWarning = 4
	logError   = 8
)

var (
	file    string // option registry
	options guard.Options
	watch   *guard.Guard
	store   *registry.Store
)

func main() {} // a shared library needs one

// tell writes to the server's log, line by line. Mosquitto's thread alone may.
func tell(level int, text string) {
	for line := range strings.SplitSeq(text, "\n") {
		c := C.CString(line)
		C.thingpass_log(C.int(level), c)
		C.free(unsafe.Pointer(c))
	}
}

// contain turns a panic into a refusal: whatever is wrong in here, the server
// lives, and nobody gets in by it.
func contain(what string) {
	if p := recover(); p != nil {
		tell(logError, fmt.Sprintf("thingpass: %s failed, and is refused: %v", what, p))
	}
}

//export thingpassOption
func thingpassOption(key, value *C.char) (ok C.bool) {
	defer contain("option")
	k, v := C.GoString(key), C.GoString(value)
	switch {
	case k == "registry":
		file = v
	case k == "denied_subscribe" && (v == "refuse" || v == "disconnect"):
		options.EndOnSubscribe = v == "disconnect"
	case k == "denied_subscribe":
		tell(logError, fmt.Sprintf("thingpass: plugin_opt_denied_subscribe %s: say refuse or disconnect", v))
		return false
	default:
		tell(logError, fmt.Sprintf("thingpass: there is no option plugin_opt_%s: use plugin_opt_registry FILE, and plugin_opt_denied_subscribe refuse or disconnect", k))
		return false
	}
	return true
}

//export thingpassStart
func thingpassStart() (ok C.bool) {
	defer contain("the start")
	if file == "" {
		tell(logError, "thingpass: no registry: add a line plugin_opt_registry FILE behind the plugin's")
		return false
	}
	var err error
	if store, err = registry.Open(file); err != nil {
		tell(logError, "thingpass: "+err.Error())
		return false
	}
	options.Forget = func() { C.thingpass_forget() }
	watch = guard.New(store, options, func(line string) { tell(logWarning, line) })
	go keepWatching()
	r := store.Registry()
	tell(logNotice, fmt.Sprintf("thingpass: registry %s: %d things, %d certificates, %d policies", file, len(r.Things()), len(r.Certificates()), len(r.Documents())))
	return true
}

// keepWatching reads the registry when its files change. It is not on Mosquitto's
// thread, which a big registry would hold up.
func keepWatching() {
	for {
		apart(func() { store.Watch(context.Background(), time.Second, noteChange) })
		time.Sleep(time.Second) // it does not end but by a fault of ours
	}
}

// apart is contain for what runs beside Mosquitto's thread.
func apart(do func()) {
	defer func() {
		if p := recover(); p != nil {
			noteChange(false, fmt.Errorf("reading it failed: %v", p))
		}
	}()
	do()
}

// news of the watching goroutine, which the next tick tells.
var news = make(chan string, 16)

func noteChange(changed bool, err error) {
	line := "registry " + file + " is read again"
	if err != nil {
		line = "the registry stays as it was: " + err.Error()
	}
	select {
	case news <- line:
	default:
	}
	if changed {
		watch.Changed()
	}
	C.thingpass_pend()
}

//export thingpassConnect
func thingpassConnect(client *C.struct_mosquitto, clean C.bool) (ok C.bool) {
	defer contain("CONNECT")
	var n C.size_t
	der := C.thingpass_certificate(client, &n)
	defer C.free(unsafe.Pointer(der))
	name, let := watch.Connect(handle(client), guard.Request{
		Certificate: C.GoBytes(unsafe.Pointer(der), C.int(n)),
		ClientID:    C.GoString(C.thingpass_client_id(client)),
		Address:     C.GoString(C.thingpass_address(client)),
		Clean:       bool(clean),
	})
	if !let {
		return false
	}
	c := C.CString(name)
	defer C.free(unsafe.Pointer(c))
	return C.thingpass_set_username(client, c)
}

func handle(client *C.struct_mosquitto) guard.Handle {
	return guard.Handle(uintptr(unsafe.Pointer(client)))
}

// thingpassCheck is called for what C does not remember. The topic is the
// server's: nothing may keep it.
//
//export thingpassCheck
func thingpassCheck(client *C.struct_mosquitto, access C.int, topic *C.char, n C.size_t, retain C.bool) (verdict C.int) {
	defer contain("a check")
	text := unsafe.String((*byte)(unsafe.Pointer(topic)), int(n))
	connected := true
	ok := watch.Check(handle(client), guard.Access(access), text, bool(retain), func() guard.Asker {
		connected = false
		return guard.Asker{
			ClientID:   C.GoString(C.thingpass_client_id(client)),
			Name:       C.GoString(C.thingpass_username(client)),
			Connected:  bool(C.thingpass_connected(client)),
			Connection: *C.thingpass_address(client) != 0,
		}
	})
	switch {
	case !ok:
		return C.THINGPASS_DENIED
	case !connected:
		return C.THINGPASS_ALLOWED_ONCE
	}
	return C.THINGPASS_ALLOWED
}

//export thingpassDisconnected
func thingpassDisconnected(client *C.struct_mosquitto) {
	defer contain("a disconnect")
	watch.Disconnected(handle(client))
}

//export thingpassReload
func thingpassReload() {
	defer contain("the reload")
	go apart(func() { noteChange(store.Reload()) })
}

//export thingpassTick
func thingpassTick() {
	defer contain("a tick")
	for {
		select {
		case line := <-news:
			tell(logNotice, "thingpass: "+line)
			continue
		default:
		}
		break
	}
	kick, more := watch.Tick()
	if more {
		C.thingpass_pend()
	}
	for _, id := range kick {
		c := C.CString(id)
		C.thingpass_kick(c)
		C.free(unsafe.Pointer(c))
	}
}
