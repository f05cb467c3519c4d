import { apiPath, type Transport } from './transport.ts';
import type { ConfigMap, Project } from './types.ts';

/** `/1.0/projects`: name spaces with restrictions of their own. */
export class Projects {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  async list(): Promise<Project[]> {
    const { metadata } = await this.#transport.call({ path: apiPath('projects'), query: { recursion: 1 } });
    return metadata as Project[];
  }

  /** @throws LxdError LXD_NOT_FOUND */
  async get(name: string): Promise<Project> {
    return (await this.#transport.call({ path: apiPath('projects', name) })).metadata as Project;
  }

  async create(project: { name: string; description?: string; config: ConfigMap }): Promise<void> {
    await this.#transport.call({ method: 'POST', path: apiPath('projects'), json: project });
  }

  /**
   * Replaces description and configuration. The daemon refuses what the project's instances contradict.
   * (There is no `patch`: LXD 5.0 takes keys that a PATCH leaves out as removed.)
   */
  async put(name: string, project: { description: string; config: ConfigMap }): Promise<void> {
    await this.#transport.call({ method: 'PUT', path: apiPath('projects', name), json: project });
  }

  /** Deletes an empty project. */
  async delete(name: string): Promise<void> {
    await this.#transport.call({ method: 'DELETE', path: apiPath('projects', name) });
  }
}
