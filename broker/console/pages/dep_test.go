package pages_test

import _ "github.com/chromedp/chromedp"
