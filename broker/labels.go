// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

package broker

// verbStored is what an Entry calls an event of the bucket, which no thing sent.
const verbStored = "stored"

// Verbs returns what can stand in Entry.Request. For who counts entries: what
// things write is never a name for something to count by.
func Verbs() []string {
	return []string{verbUploadRequest, verbUploadComplete, verbDownloadRequest, verbCredentialsRequest, verbCommand, verbCommandResult, verbStored}
}

// Modes returns what can stand in Entry.Mode.
func Modes() []string { return []string{"put", "pass", "multipart", "get", "credentials"} }

// Codes returns what can stand in Entry.Code.
func Codes() []Code {
	return []Code{CodeGranted, CodeUnchanged, CodeVerified, CodeAborted, CodeIgnored, CodeDone, CodeFailed,
		CodeBadRequest, CodePayloadTooLarge, CodeUnknownKind, CodeModeNotAllowed, CodeTypeNotAllowed, CodeSizeNotAllowed,
		CodeMetadataNotAllowed, CodeKeyNotAllowed, CodeTooManyObjects, CodeNotFound, CodeMismatch, CodeNoSuchUpload,
		CodePartNotAllowed, CodePartsMissing, CodeQuotaExceeded, CodeBlocked, CodeBusy, CodeUnavailable, CodeInternal}
}
