// SPDX-FileCopyrightText: the thingpass authors
// SPDX-License-Identifier: Apache-2.0

// Package cloudformation makes a template of AWS CloudFormation from the documents
// of policies/documents, so that no policy is written down twice.
//
// Account, region and partition are left to CloudFormation's pseudo-parameters:
// one template is good for every account. All other values are in it as package
// templates has checked them. A document that is no policy (lifecycle, CORS, role
// alias) has other names for its fields in CloudFormation: each is translated by a
// closed table, and a field that is in no table is an error, not left out.
package cloudformation
