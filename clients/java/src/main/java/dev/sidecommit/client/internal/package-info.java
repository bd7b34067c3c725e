/** Decisions without I/O. Not API: what is here changes without notice. */
package dev.sidecommit.client.internal;
