// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

const maxPasswordLine = 4096 // bytes

var errPasswords = errors.New("the two passwords differ: nothing was changed")

// readPassword asks for a password on a terminal, without showing it, or reads the
// first line of what is no terminal.
func readPassword(ctx context.Context, in io.Reader, out io.Writer) (string, error) {
	f, ok := in.(*os.File)
	if !ok || !isTerminal(f) {
		return passwordLine(bufio.NewReader(io.LimitReader(in, maxPasswordLine)))
	}
	restore, err := hideInput(f)
	if err != nil {
		return "", fmt.Errorf("hide what is typed: %w: --generate makes a password", err)
	}
	defer restore()
	lines := bufio.NewReader(f)
	first, err := askPassword(ctx, lines, out, "Password: ")
	if err != nil {
		return "", err
	}
	second, err := askPassword(ctx, lines, out, "Again: ")
	if err != nil {
		return "", err
	}
	if first != second {
		return "", errPasswords
	}
	return first, nil
}

// askPassword returns when the context ends, too: the terminal must then show again
// what is typed.
func askPassword(ctx context.Context, lines *bufio.Reader, out io.Writer, prompt string) (string, error) {
	fmt.Fprint(out, prompt)
	defer fmt.Fprintln(out)
	type answer struct {
		text string
		err  error
	}
	got := make(chan answer, 1)
	go func() {
		text, err := passwordLine(lines)
		got <- answer{text, err}
	}()
	select {
	case a := <-got:
		return a.text, a.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

func passwordLine(r *bufio.Reader) (string, error) {
	line, err := r.ReadString('\n')
	if err != nil && (!errors.Is(err, io.EOF) || line == "") {
		return "", errors.New("no password came: type one, pipe one, or let --generate make one")
	}
	return strings.TrimRight(line, "\r\n"), nil
}
