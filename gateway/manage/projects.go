package manage

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"weir/internal/control"
	"weir/schemas"
)

// projectOut is a project.
type projectOut struct {
	ID           string    `json:"id"`
	Name         string    `json:"name"`
	Limits       limitsOut `json:"limits"`
	MonthlySpend *amount   `json:"monthly_spend" nullable:"true" doc:"What it spent this month; null while that is not known"`
	Version      uint64    `json:"version"`
}

type projectsOut struct {
	Projects []projectOut `json:"projects" nullable:"false"`
}

func projectOf(ctx context.Context, v control.Versioned[*schemas.Project], s *spender) projectOut {
	p := v.Value
	return projectOut{p.ProjectId, p.Name, limitsOf(p.Limits), s.thisMonth(ctx, Project, p.ProjectId), v.Version}
}

func (m *Management) projectAnswer(ctx context.Context, c *call, v control.Versioned[*schemas.Project], err error) (*answer[projectOut], error) {
	if err != nil {
		return nil, err
	}
	return &answer[projectOut]{etag(v.Version), projectOf(ctx, v, m.spender(c))}, nil
}

const projectTag, projectName = "Projects", "project"

func (m *Management) registerProjects(api huma.API) {
	route(m, api, operation{"list-projects", http.MethodGet, "project", "All projects", projectTag, ""}, m.listProjects)
	route(m, api, operation{"create-project", http.MethodPost, "project", "A new project", projectTag, ""}, m.createProject)
	route(m, api, operation{"get-project", http.MethodGet, "project/{id}", "One project", projectTag, ""}, m.getProject)
	route(m, api, operation{"update-project", http.MethodPatch, "project/{id}", "Changes the fields that are given", projectTag, ""}, m.updateProject)
	route(m, api, operation{"delete-project", http.MethodDelete, "project/{id}", "Ends it; its keys go on without a project", projectTag, ""}, m.deleteProject)
}

func (m *Management) listProjects(ctx context.Context, c *call, _ *Scoped) (*list[projectsOut], error) {
	out := projectsOut{Projects: []projectOut{}}
	spend := m.spender(c)
	for _, v := range control.List[*schemas.Project](m.State, c.org) {
		out.Projects = append(out.Projects, projectOf(ctx, v, spend))
	}
	return &list[projectsOut]{out}, nil
}

func (m *Management) getProject(ctx context.Context, c *call, in *ByID) (*answer[projectOut], error) {
	v, err := find[*schemas.Project](m, c, in.ID, projectName)
	return m.projectAnswer(ctx, c, v, err)
}

// projectFields are what a request may say of a project; nil leaves what there is.
type projectFields struct {
	Name   *string   `json:"name,omitempty" maxLength:"256"`
	Limits *limitsIn `json:"limits,omitempty" doc:"Replaces all limits"`
}

type projectIn struct {
	Scoped
	Creating
	Body projectFields `nameHint:"ProjectFields"`
}

type projectPatchIn struct {
	ByID
	Writing
	Body projectFields `nameHint:"ProjectFields"`
}

func fillProject(p *schemas.Project, f *projectFields) error {
	if f.Name != nil {
		p.Name = *f.Name
	}
	if e := checkText("name", p.Name, maxName); e != nil {
		return e
	}
	if e := setLimits(&p.Limits, f.Limits, "limits"); e != nil {
		return e
	}
	return nil
}

func (m *Management) createProject(ctx context.Context, c *call, in *projectIn) (*answer[projectOut], error) {
	v, err := create(ctx, m, c, projectName, func(id string) (*schemas.Project, error) {
		p := &schemas.Project{ProjectId: id, OrgId: c.org}
		return p, fillProject(p, &in.Body)
	})
	return m.projectAnswer(ctx, c, v, err)
}

func (m *Management) updateProject(ctx context.Context, c *call, in *projectPatchIn) (*answer[projectOut], error) {
	v, err := update(ctx, m, c, in.ID, projectName, func(p *schemas.Project) error { return fillProject(p, &in.Body) })
	return m.projectAnswer(ctx, c, v, err)
}

func (m *Management) deleteProject(ctx context.Context, c *call, in *deletion) (*list[gone], error) {
	if err := remove[*schemas.Project](ctx, m, c, in.ID, projectName, nil); err != nil {
		return nil, err
	}
	return deleted(in.ID), nil
}
