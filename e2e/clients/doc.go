// Package clients runs the clients that people have against the stack: the official ones of OpenAI and Anthropic,
// frameworks above them, plain HTTP, and Claude Code's way of calling.
//
// Guarantee: each client makes each call of the table (plain, streamed, with a tool call, with structured output, and
// the official ones an error and a streamed tool call) on every endpoint that it knows, and official ones of each
// format with a provider of every protocol, where calls, their results and signed thoughts go back in a second turn;
// what a client makes of an answer is checked, and that each call is in the books exactly once with the right
// endpoint, provider, model, tokens and cost.
// Concurrency: a family of clients is one process, since importing some of them takes seconds; two run at a time.
// Failure: a client that is not installed, or not in the pinned version, fails the whole run; nothing is left out.
package clients
