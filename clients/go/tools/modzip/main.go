// Command modzip packs a module as a Go module proxy serves it: modzip FOLDER VERSION PROXY writes PROXY/<module>/@v/{list,.info,.mod,.zip}.
package main

import (
	"fmt"
	"log"
	"os"
	"path/filepath"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	"golang.org/x/mod/zip"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("modzip: ")
	if len(os.Args) != 4 {
		log.Fatal("usage: modzip FOLDER VERSION PROXY")
	}
	if err := pack(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		log.Fatal(err)
	}
}

func pack(folder, version, proxy string) error {
	mod, err := os.ReadFile(filepath.Join(folder, "go.mod"))
	if err != nil {
		return err
	}
	packed := module.Version{Path: modfile.ModulePath(mod), Version: version}
	escaped, err := module.EscapePath(packed.Path)
	if err != nil {
		return err
	}
	out := filepath.Join(proxy, filepath.FromSlash(escaped), "@v")
	if err := os.MkdirAll(out, 0o777); err != nil {
		return err
	}
	archive, err := os.Create(filepath.Join(out, version+".zip"))
	if err != nil {
		return err
	}
	// Nested modules (bench, conformance, examples, tools) are not part of it.
	if err := zip.CreateFromDir(archive, packed, folder); err != nil {
		return err
	}
	if err := archive.Close(); err != nil {
		return err
	}
	for name, content := range map[string]string{
		"list":            version + "\n",
		version + ".info": fmt.Sprintf("{\"Version\":%q}\n", version),
		version + ".mod":  string(mod),
	} {
		if err := os.WriteFile(filepath.Join(out, name), []byte(content), 0o666); err != nil {
			return err
		}
	}
	return nil
}
